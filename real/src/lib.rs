//! Real edges for `indoubt`: Postgres, the file-backed decision log, tokio's clock; and, with the
//! feature `containers`, real servers and a bench to test a service on. These are documented with
//! that feature only: `cargo doc --open -p indoubt-real --features containers`.

#[cfg(feature = "containers")]
pub mod bench;
#[cfg(feature = "containers")]
pub mod containers;

mod clock;
pub mod log;
pub mod postgres;

pub use clock::TokioClock;
pub use postgres::{
    CancelToken, Dialer, InvalidConnectionString, Postgres, PostgresBranch, TcpDialer, TcpHost,
    TcpTask,
};

/// The README's transaction, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
