//! Real Postgres servers for tests: started on demand, killed on purpose, gone afterwards.
//!
//! A claim about two-phase commit is worth what a real server does under it. [`Server`] is
//! one such server, whose processes can be killed, restarted on the same data and frozen;
//! [`Proxy`] breaks the connection to it at an exact message. Where the server comes from
//! ([`Source`]) is found out once per process: Docker if there is one, else binaries on this
//! machine. If there is neither, starting fails and says what to install; a test is never
//! skipped in silence.
//!
//! ```no_run
//! use indoubt_real::containers::Server;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start().await?;
//! let config = server.config(); // tokio_postgres::Config of a superuser, with password
//! server.kill().await?; // SIGKILL to every process
//! server.restart().await?; // the same data, the same port
//! server.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately absent: Windows; a Docker Engine on another machine (ports are published on
//! 127.0.0.1 only); replication; loss of power, as SIGKILL leaves the page cache intact.

mod base;
mod builder;
mod choice;
mod container;
mod local;
mod port;
mod proxy;
mod server;
mod source;

pub(crate) use base::announce::line as announce;
pub(crate) use base::secret::token;
pub use base::{ControlError, PassedOver, SourceError, StartError};
pub use builder::Builder;
pub use proxy::{Deed, NotFired, Passed, Proxy, Way};
pub use server::Server;
pub use source::{IMAGE_VARIABLE, Image, Source};
