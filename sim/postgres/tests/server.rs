//! The server, driven by the real client over streams in memory.

#[path = "server/scene.rs"]
mod scene;

#[path = "server/adapter.rs"]
mod adapter;
#[path = "server/concurrency.rs"]
mod concurrency;
#[path = "server/faults.rs"]
mod faults;
#[path = "server/sql.rs"]
mod sql;
#[path = "server/two_phase.rs"]
mod two_phase;
#[path = "server/wire.rs"]
mod wire;
