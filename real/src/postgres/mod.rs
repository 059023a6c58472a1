//! Postgres as a participant: `PREPARE TRANSACTION`, `COMMIT PREPARED`, `ROLLBACK PREPARED`.
//!
//! The adapter trusts a command's success for nothing. A branch's xid is taken before it is
//! asked to end, and from then on the server's own record of that xid decides what happened;
//! what ended a session is never a definite answer. That record is of an xid, which a crash of the
//! server gives to another transaction if nothing of the first was flushed: what may not have been is
//! believed only until the server crashes. Read in the order of a branch's life:
//! `connect`, `check`, `begin`, `branch`, `examine`, `vote` or `one_phase`, `settle`, with
//! `fence` for what was given up on, `evidence` and `xact` for how it ended, and `sql` for every statement
//! sent. What stands before the server is looked at by `pooler`.
//!
//! The server must be PostgreSQL 14 or newer, with `max_prepared_transactions` above 0, and
//! restarted only with a value that holds what is prepared. A prepared transaction keeps its
//! locks and holds back vacuum until it is resolved, over restarts, so a participant should be
//! watched through `pg_prepared_xacts`.
//!
//! # What a role needs
//! To log in, to use what its transactions use, and the functions and the view that everybody
//! may use unless that was revoked; [`Postgres::check`] names what is missing. No superuser, no
//! `pg_monitor`, no function of the WAL. If a role is set at login (`ALTER ROLE … SET role`),
//! that one must be able to see and end the sessions of whoever logs in.
//!
//! What is set for a role or a database (`search_path`, timeouts, defaults of transactions)
//! applies to a branch, which is the user's; the sessions that recovery uses set their own.
//! `synchronous_commit` is obeyed in both.
//!
//! # Poolers
//! A pooler before the server must pool by session, and have backends for three sessions of ours
//! at the least. One that pools by transaction or by statement is refused by
//! [`Postgres::check`] and by the first branch: what is set for a session does not stay with it
//! there, and a backend may be in anybody's hands. Recovery still ends a backend only while that
//! is in the branch's own transaction.
//!
//! It is found by the process id that it gives at start-up, and by what it does with two
//! sessions. So one that passes the server's own key data on is not noticed, and a busy one may
//! not be at one look: others may take and return just what would have shown it. Recovery does
//! not look, nor does anything once a first branch has begun; `check` always does.
//!
//! # What this cannot see
//! A failover to an asynchronous standby can lose a prepared branch, which is reported as
//! [`Ending::Untold`](indoubt::Ending::Untold), or bring one back as prepared that was
//! committed and forgotten, which nothing here can tell from one that was never decided:
//! replicate synchronously. Even then a cancel, or a shutdown, while the server waits for its
//! standby leaves the effect on the primary alone, and it is reported as done (PostgreSQL
//! manual, "Synchronous Replication").
//!
//! A commit in one phase whose answer is lost, and which the server has down as committed, is reported as
//! [`OnePhase::Untold`](indoubt::OnePhase::Untold) if the server has crashed since, or if somebody has
//! reset the background writer's statistics, by which that is noticed.
//!
//! # Deliberately absent
//! Time: the driver bounds every call by dropping it, so the adapter runs unchanged inside a
//! simulator. A pool: one session for each branch. TLS. A server's `statement_timeout` as a
//! bound: it does not apply to `PREPARE TRANSACTION`.

mod advice;
mod attempt;
mod begin;
mod branch;
mod busy;
mod cancel;
mod check;
mod connect;
mod connection_string;
mod control;
mod dial;
mod evidence;
mod examine;
mod failure;
mod fence;
mod handle;
mod one_phase;
mod participant;
mod pooler;
mod refusal;
mod retry;
mod session;
mod settle;
mod sql;
mod tap;
mod tcp;
mod vote;
mod xact;

pub use branch::PostgresBranch;
pub use cancel::CancelToken;
pub use connection_string::InvalidConnectionString;
pub use dial::Dialer;
#[cfg(feature = "containers")]
pub(crate) use failure::describe;
pub use handle::Postgres;
pub use retry::is_retryable;
pub use tcp::{TcpDialer, TcpHost, TcpTask};
