//! Starting, and starting again after a crash.

use std::io;
use std::sync::PoisonError;

use super::{Phase, Server, State};
use crate::wal;

/// A server does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The log could not be read.
    #[error("the log could not be read: {0}")]
    Wal(#[from] io::Error),
    /// A record of the log is broken.
    #[error("{0}")]
    Record(String),
    /// More is prepared than there are slots for: give it more.
    #[error(
        "{prepared} transactions are prepared, and max_prepared_transactions is {slots}: raise it \
         to at least what is prepared"
    )]
    TooFewSlots {
        /// How many are prepared.
        prepared: usize,
        /// How many slots there are.
        slots: usize,
    },
}

impl Server {
    /// Reads the log into a state that has nothing in it yet.
    pub(super) async fn recover(&self) -> Result<(), OpenError> {
        let reading = self.lock().edges.recover();
        let records = reading.await?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let effects = wal::replay(&mut state, &records);
        let effects = effects.map_err(|error| OpenError::Record(error.message.clone()))?;
        let (prepared, slots) = (state.prepared.len(), state.options.max_prepared_transactions);
        if prepared > slots {
            return Err(OpenError::TooFewSlots { prepared, slots });
        }
        for effect in &effects {
            state.edges.tell(effect);
        }
        state.phase = Phase::Running;
        state.wake_all();
        Ok(())
    }

    /// Everybody is thrown out, and everything that is not in the log is gone.
    pub(super) fn lose_memory(&self) {
        let mut state = self.lock();
        state.wake_all();
        let fresh = State::new(state.options.clone(), state.edges.clone());
        let (generation, next_pid) = (state.generation + 1, state.next_pid);
        let crashed = state.crashed;
        let watchers = std::mem::take(&mut state.watchers);
        *state = State { generation, next_pid, crashed, watchers, ..fresh };
    }
}
