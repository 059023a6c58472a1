//! Making a coordinator: its participants and its deadlines.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::mpsc;

use super::alarms::Alarms;
use super::driven::IsDriven;
use super::erased::{AnyClock, AnyLog, AnyParticipant};
use super::in_hand::InHand;
use super::live::Live;
use super::shared::Shared;
use super::{Coordinator, Driver, Participant};
use crate::clock::Clock;
use crate::log::DecisionLog;
use crate::outcome::Heuristic;

/// How long each step may take, and how often recovery runs.
///
/// No step waits for ever: what has not been answered in its time is treated as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// To begin a branch.
    pub begin: Duration,
    /// To vote, or to commit in one phase.
    pub prepare: Duration,
    /// How long a client waits for the decision to be forced before it is told that the
    /// transaction is in doubt; the force itself goes on. Reading the log is given as long.
    pub force: Duration,
    /// To carry out a decision at one participant, from the moment that it is asked. A sweep of
    /// recovery waits as long once for each participant that hangs, not once for each of its
    /// branches, and the others do not wait with it.
    pub finish: Duration,
    /// How long a client waits for acknowledgements after the decision; zero answers at once,
    /// with every participant pending.
    pub acknowledge: Duration,
    /// To list a participant's prepared branches. A list that takes more than an eighth of it
    /// is not waited for before the others are seen to.
    pub scan: Duration,
    /// The pause between two sweeps of recovery, and before something unknown is asked again. A
    /// sweep that takes longer goes on beside the next, which leaves out what it has in hand.
    pub recovery_interval: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            begin: Duration::from_secs(10),
            prepare: Duration::from_secs(30),
            force: Duration::from_secs(10),
            finish: Duration::from_secs(10),
            acknowledge: Duration::from_secs(5),
            scan: Duration::from_secs(10),
            recovery_interval: Duration::from_secs(5),
        }
    }
}

/// A coordinator in the making.
#[must_use]
pub struct Builder {
    log: Box<dyn AnyLog>,
    clock: Box<dyn AnyClock>,
    deadlines: Deadlines,
    participants: Vec<Arc<dyn AnyParticipant>>,
    on_heuristic: Box<dyn Fn(&Heuristic) + Send + Sync>,
}

impl Builder {
    pub(super) fn new(log: impl DecisionLog, clock: impl Clock) -> Self {
        Self {
            log: Box::new(log),
            clock: Box::new(clock),
            deadlines: Deadlines::default(),
            participants: Vec::new(),
            on_heuristic: Box::new(|_| {}),
        }
    }

    /// Adds a participant. Register every participant that unfinished transactions may name,
    /// or they cannot be finished.
    ///
    /// A participant is a database: register each once. One database under two names works, as
    /// long as it is named alike after every restart; branches that both list are ended through
    /// whichever of the two can.
    pub fn participant(mut self, participant: impl Participant) -> Self {
        self.participants.push(Arc::new(participant));
        self
    }

    /// Sets the deadlines.
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Calls this for every branch that turns out to have been ended by someone else, at a
    /// commit or in recovery: the operator's alarm, once for each in the life of a process, and
    /// again after a restart if it is still so. It is called from the driver, so it must not
    /// block; a panic in it is logged and ends nothing. The same is always logged at the error
    /// level.
    pub fn on_heuristic(mut self, alarm: impl Fn(&Heuristic) + Send + Sync + 'static) -> Self {
        self.on_heuristic = Box::new(alarm);
        self
    }

    /// Makes the coordinator, and its driver, which must be spawned: nothing commits, and
    /// nothing is recovered, until the driver runs.
    ///
    /// # Errors
    /// [`BuildError`] when two participants have one name.
    pub fn build(self) -> Result<(Coordinator, Driver), BuildError> {
        for (index, participant) in self.participants.iter().enumerate() {
            if self.participants[..index].iter().any(|other| other.name() == participant.name()) {
                return Err(BuildError::DuplicateParticipant {
                    name: participant.name().to_owned(),
                });
            }
        }
        let (requests, received) = mpsc::unbounded();
        let shared = Arc::new(Shared {
            live: Live::new(&*self.log),
            log: self.log,
            clock: self.clock,
            deadlines: self.deadlines,
            participants: self.participants,
            alarms: Alarms::new(self.on_heuristic),
            fenced: AtomicBool::new(false),
            sick: Mutex::default(),
            in_hand: InHand::default(),
            driven: IsDriven::default(),
        });
        Ok((Coordinator { shared: shared.clone(), requests }, Driver::new(shared, received)))
    }
}

/// A coordinator that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// Two participants have one name.
    #[error(
        "two participants are named {name:?}: the decision log refers to them by name, so give each its own"
    )]
    DuplicateParticipant {
        /// The name.
        name: String,
    },
}
