//! The Postgres participant against real servers: what `indoubt::Participant` promises, under
//! everything that PostgreSQL does to two-phase commit.
//!
//! Run with `cargo test -p indoubt-real --features containers --test postgres`. Each test has
//! a database of its own, most of them on one shared server. Faults come from the proxy, at an
//! exact message; sleeps only let something *not* happen.

#[path = "postgres/begin.rs"]
mod begin;
#[path = "postgres/busy.rs"]
mod busy;
#[path = "postgres/cancel.rs"]
mod cancel;
#[path = "postgres/check.rs"]
mod check;
#[path = "postgres/control.rs"]
mod control;
#[path = "postgres/fake.rs"]
mod fake;
#[path = "postgres/fence.rs"]
mod fence;
#[path = "postgres/foreign.rs"]
mod foreign;
#[path = "postgres/give_up.rs"]
mod give_up;
#[path = "postgres/hosts.rs"]
mod hosts;
#[path = "postgres/lock_timeout.rs"]
mod lock_timeout;
#[path = "postgres/lost.rs"]
mod lost;
#[path = "postgres/messages.rs"]
mod messages;
#[path = "postgres/one_phase.rs"]
mod one_phase;
#[path = "postgres/one_phase_lost.rs"]
mod one_phase_lost;
#[path = "postgres/pool.rs"]
mod pool;
#[path = "postgres/pooler.rs"]
mod pooler;
#[path = "postgres/scene.rs"]
mod scene;
#[path = "postgres/settings.rs"]
mod settings;
#[path = "postgres/settle.rs"]
mod settle;
#[path = "postgres/suite.rs"]
mod suite;
#[path = "postgres/two_roles.rs"]
mod two_roles;
#[path = "postgres/vote.rs"]
mod vote;
