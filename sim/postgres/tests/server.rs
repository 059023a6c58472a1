//! The server, driven by the real client over streams in memory.

mod host;

#[path = "server/scene.rs"]
mod scene;

#[path = "server/adapter.rs"]
mod adapter;
#[path = "server/faults.rs"]
mod faults;
