//! What the host can do to a server, and ask of it: an operator's hands, and a fault's.

use std::future::poll_fn;
use std::task::Poll;

use super::backend::admin_shutdown;
use super::{OpenError, Phase, Server};
use crate::wal::Record;

/// How a server is told to stop (PostgreSQL manual, "Shutting Down the Server").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Lets nobody in any more, and waits until all have left.
    Smart,
    /// Ends all sessions (57P01), each when it is done with what may not be interrupted.
    Fast,
    /// Stops at once, as after a loss of power; the next start recovers.
    Immediate,
}

/// A backend, as the host sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendInfo {
    /// Its process id.
    pub pid: i32,
    /// The role that logged in.
    pub user: String,
    /// `application_name`, as the client set it at start-up or since.
    pub application_name: String,
    /// The database that it is connected to.
    pub database: String,
    /// As `pg_stat_activity` has it: `active`, `idle`, `idle in transaction` …
    pub state: &'static str,
    /// What it waits for, such as `Lock` and `transactionid`.
    pub wait: Option<(&'static str, &'static str)>,
    /// The statement that it runs, or ran last.
    pub query: String,
    /// The full id of its transaction.
    pub xid: Option<u64>,
}

/// A prepared transaction, as the host sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedInfo {
    /// The gid.
    pub gid: String,
    /// The full id of the transaction.
    pub xid: u64,
    /// The role that prepared it.
    pub owner: String,
    /// The database in which it was prepared.
    pub database: String,
}

impl Server {
    /// Completes when a write of the log has failed, and says how. The server has stopped then,
    /// as after a PANIC, and says nothing to anybody any more; open another on the log.
    pub async fn failed(&self) -> String {
        poll_fn(|cx| {
            let mut state = self.lock();
            if let Phase::Panicked(why) = &state.phase {
                return Poll::Ready(why.clone());
            }
            state.watchers.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Completes when the server has stopped, after [`shut_down`](Self::shut_down).
    pub async fn stopped(&self) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if matches!(state.phase, Phase::Stopped | Phase::Panicked(_)) {
                return Poll::Ready(());
            }
            state.watchers.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// A backend crashes: it ends without a word, all others are told (57P02) and end, and the
    /// server recovers from its log. Meanwhile, and for [`Options::recovery_time`] at least, new
    /// connections are refused (57P03). Completes when it lets clients in again.
    ///
    /// False, and nothing happens, if there is no such backend.
    ///
    /// # Errors
    /// It does not start again.
    ///
    /// # Cancel safety
    /// Dropping the future leaves the server as it is, refusing everybody.
    ///
    /// [`Options::recovery_time`]: crate::Options::recovery_time
    pub async fn crash_backend(&self, pid: i32) -> Result<bool, OpenError> {
        {
            let mut state = self.lock();
            if state.phase != Phase::Running || !state.backends.contains_key(&pid) {
                return Ok(false);
            }
            state.crashed = Some(pid);
        }
        self.lose_memory();
        let pause = {
            let state = self.lock();
            state.edges.sleep(state.options.recovery_time)
        };
        pause.await;
        self.recover().await?;
        Ok(true)
    }

    /// Ends a session (57P01), as `pg_terminate_backend` does. False if there is none.
    pub fn terminate(&self, pid: i32) -> bool {
        let mut state = self.lock();
        let Some(backend) = state.backends.get_mut(&pid) else { return false };
        backend.terminated.get_or_insert_with(admin_shutdown);
        state.wake([pid]);
        true
    }

    /// Cancels the statement that a session runs (57014), as `pg_cancel_backend` does. False if
    /// there is no such session.
    pub fn cancel(&self, pid: i32) -> bool {
        let mut state = self.lock();
        let Some(backend) = state.backends.get_mut(&pid) else { return false };
        backend.cancelled = true;
        state.wake([pid]);
        true
    }

    /// Forgets how transactions ended that came before every one that is running or prepared, as a vacuum
    /// does that lets go of the commit log: `pg_xact_status` is null for them from now on, until the
    /// server has recovered from its log.
    pub fn forget_ends(&self) {
        let mut state = self.lock();
        state.oldest_known = state.running.first().copied().unwrap_or(state.next_xid);
    }

    /// Tells the server to stop. [`stopped`](Self::stopped) completes when it has.
    pub fn shut_down(&self, how: Shutdown) {
        let mut state = self.lock();
        match how {
            Shutdown::Immediate => {
                state.phase = Phase::Stopped;
                state.wake_all();
                return;
            }
            Shutdown::Smart => {}
            Shutdown::Fast => {
                for backend in state.backends.values_mut() {
                    backend.terminated.get_or_insert_with(admin_shutdown);
                }
            }
        }
        state.phase = if state.backends.is_empty() { Phase::Stopped } else { Phase::ShuttingDown };
        state.wake_all();
    }

    /// Begins a new timeline, as a standby does that takes over. Completes when that is durable.
    ///
    /// # Errors
    /// The log could not be written; the server has failed.
    pub async fn promote(&self, timeline: u32) -> std::io::Result<()> {
        let written = {
            let mut state = self.lock();
            state.timeline = timeline;
            state.options.timeline = timeline;
            state.edges.append(Record::Timeline(timeline).encode(), true)
        };
        let result = written.await;
        if let Err(error) = &result {
            let mut state = self.lock();
            state.phase = Phase::Panicked(error.to_string());
            state.wake_all();
        }
        result
    }

    /// The timeline of the history that the server writes now.
    pub fn timeline(&self) -> u32 {
        self.lock().timeline
    }

    /// The sessions that there are, by process id.
    pub fn backends(&self) -> Vec<BackendInfo> {
        let state = self.lock();
        let backends = state.backends.values();
        backends
            .map(|backend| BackendInfo {
                pid: backend.pid,
                user: backend.user.clone(),
                application_name: backend.application_name.clone(),
                database: state.catalog.database_name(backend.database),
                state: backend.state.name(),
                wait: backend.wait,
                query: backend.query.clone(),
                xid: backend.xid,
            })
            .collect()
    }

    /// What is prepared, by gid.
    pub fn prepared(&self) -> Vec<PreparedInfo> {
        let state = self.lock();
        let valid = state.prepared.values().filter(|gxact| gxact.valid);
        valid
            .map(|gxact| PreparedInfo {
                gid: gxact.prepared.gid.clone(),
                xid: gxact.prepared.xid(),
                owner: gxact.prepared.owner.clone(),
                database: state.catalog.database_name(gxact.prepared.work.database),
            })
            .collect()
    }
}
