//! One transaction, as whoever does its work has it.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use indoubt::{Branch, EnlistError, Participant, Transaction};

use crate::draw::Draw;
use crate::edge::Witness;
use crate::history::{Event, Tx};
use crate::lock::lock;
use crate::parts::{WorkRefused, Works};
use crate::scenario::Scenario;
use crate::time::within;

/// The first stream of what jobs draw.
const STREAM: u64 = 7 << 48;

/// One transaction of a run.
pub struct Job<'a, P> {
    pub(super) scenario: &'a Scenario,
    pub(super) number: u32,
    pub(super) transaction: &'a Transaction,
    pub(super) participants: &'a [P],
    pub(super) witness: &'a Witness,
    /// The first call for a branch is given up after this.
    pub(super) hasty: Option<Duration>,
    pub(super) enlisted: Mutex<BTreeSet<u8>>,
    /// A piece of work was refused, so that its branch can only be rolled back.
    pub(super) refused: AtomicBool,
}

impl<P: Participant> Job<'_, P> {
    /// The run's scenario.
    pub const fn scenario(&self) -> &Scenario {
        self.scenario
    }

    /// Its number in the run, from 0.
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Its name in the history.
    pub fn tx(&self) -> Tx {
        Tx::of(self.transaction.gid())
    }

    /// A stream of draws of its own: the same for the same number, whatever happened before.
    pub fn draw(&self) -> Draw {
        Draw::new(self.scenario.seed, STREAM + u64::from(self.number))
    }

    /// Its branch at a participant, which is begun if it is not there yet.
    ///
    /// # Errors
    /// There is no such participant, or the branch could not be had.
    pub async fn branch(&self, p: u8) -> Result<Branch<'_, P::Branch>, GaveUp> {
        let participant = self.participants.get(usize::from(p));
        let participant = participant.ok_or_else(|| GaveUp(format!("no participant-{p}")))?;
        if let Some(patience) = self.hasty {
            let early = within(patience, self.transaction.branch(participant)).await;
            if let Some(Ok(_)) = early {
                self.has(p);
            }
        }
        let branch = self.transaction.branch(participant).await?;
        self.has(p);
        Ok(branch)
    }

    /// Does one piece of work at a participant, within the scenario's deadline.
    ///
    /// # Errors
    /// The branch could not be had, or the work not be done, or not in time.
    pub async fn work<O: Send>(&self, p: u8, op: O) -> Result<Option<i64>, GaveUp>
    where
        P::Branch: Works<Op = O>,
    {
        let branch = self.branch(p).await?;
        let deadline = Duration::from_millis(self.scenario.deadline_ms);
        let worked = within(deadline, branch.work(op)).await;
        let worked = worked.ok_or_else(|| GaveUp("it took too long".to_owned()))?;
        self.refused.fetch_or(worked.is_err(), Relaxed);
        Ok(worked?)
    }

    fn has(&self, p: u8) {
        if lock(&self.enlisted).insert(p) {
            self.witness.record(Event::Enlisted { tx: self.tx(), p });
        }
    }
}

/// The work of a transaction was given up, for this reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GaveUp(pub String);

impl From<WorkRefused> for GaveUp {
    fn from(refused: WorkRefused) -> Self {
        Self(refused.to_string())
    }
}

impl From<EnlistError> for GaveUp {
    fn from(error: EnlistError) -> Self {
        Self(error.to_string())
    }
}
