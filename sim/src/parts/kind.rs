//! A kind of participant: what serves at its node, and what stands for it in a coordinator's process.

use std::io;
use std::time::Duration;

use indoubt::{CoordinatorId, Participant};

use crate::bend::Drive;
use crate::clock::NodeClock;
use crate::history::{Event, Place};
use crate::net::{Endpoint, NodeId, Spoken};
use crate::time::Timed;

use super::{Counts, LockWaits, Slots};

/// A kind of participant.
///
/// Its two sides share nothing but what travels between them: the server's node can lose its power
/// at any await, and with it all that is not on its disk; so can the coordinator's.
pub trait Kind: Clone + Send + Sync + 'static {
    /// What travels between the two sides.
    type Message: Clone + Spoken + Send + 'static;
    /// One coordinator process's line to all participants.
    type Line: Send + Sync + 'static;
    /// A participant as a coordinator's process has it.
    type Participant: Participant;
    /// One life of a participant's server.
    type Server: Serve;
    /// What of a participant is neither on its disk nor lost with its server: what an empty disk
    /// begins with, and what of it is in the history already.
    type Kept: Clone + Send + Sync + 'static;

    /// Whether a vote of read-only or no is the participant's own, and its server's node writes nothing
    /// down of it.
    const VOTES_AT_THE_COORDINATOR: bool = false;

    /// What it counts by itself: each has to come about in a search of many runs.
    fn counts() -> Vec<&'static str> {
        Vec::new()
    }

    /// Of the participant of this number before the run, with these rows.
    fn kept(&self, p: u8, rows: &[(u64, i64)]) -> Self::Kept;

    /// The line of a process that has just come up at this place, for the `life`-th time.
    fn line(&self, place: Place, endpoint: Endpoint<Self::Message>, life: u64) -> Self::Line;

    /// The participant of this number, which serves at this node. What a coordinator asks of it is
    /// written down by whoever stands before it.
    fn participant(&self, p: u8, node: NodeId, line: &Self::Line) -> Self::Participant;

    /// Starts a server on what its disk holds.
    ///
    /// # Errors
    /// Those of the disk, with the endpoint for the next attempt.
    fn start(
        &self,
        node: Node<Self>,
    ) -> impl Future<Output = Result<Self::Server, (Endpoint<Self::Message>, io::Error)>> + Send;

    /// What a standby has that has received everything, if the kind has standbys.
    fn standby(&self, _server: &Self::Server) -> Option<Self::Kept> {
        None
    }

    /// What a standby begins with, on an empty disk, when it takes a server's place.
    fn promoted(&self, standby: Self::Kept) -> Self::Kept {
        standby
    }
}

/// One life of a participant's server.
pub trait Serve: Send + Sync + 'static {
    /// Serves until a write fails: then its node loses its power and comes up again.
    fn run(&self) -> impl Future<Output = io::Error> + Send;

    /// Whether no branch of the coordinator under test is open or prepared, and nothing is locked.
    fn at_rest(&self) -> impl Future<Output = bool> + Send;

    /// What it holds at the end of a run: rows, and what should not be there.
    fn remains(&self) -> impl Future<Output = Vec<Event>> + Send;

    /// A hand that is not the coordinator's does something here. False if this kind has no such
    /// thing.
    ///
    /// # Errors
    /// Those of the disk, which end the server.
    fn suffer(&self, hand: Hand) -> impl Future<Output = io::Result<bool>> + Send;
}

/// What can be done to a participant beside what coordinators ask of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// An operator ends the first prepared branch of the coordinator under test, if there is one.
    Operator {
        /// Commits it, or rolls it back.
        commit: bool,
    },
    /// All evidence of how transactions ended is lost, of those that have.
    Forget,
    /// An operator ends every session, whatever it is at.
    EndSessions,
    /// The process of one session crashes, and with it all others: the server recovers.
    SessionCrash,
}

/// A node of the simulated world, as a server is given it to live on.
pub struct Node<K: Kind> {
    /// Where it is.
    pub site: Site,
    /// Its disk.
    pub disk: Drive,
    /// Its place in the network.
    pub endpoint: Endpoint<K::Message>,
    /// What was kept of it.
    pub kept: K::Kept,
}

/// Where a server is, and who is around it.
#[derive(Clone)]
pub struct Site {
    /// The participant's number.
    pub p: u8,
    /// The coordinator under test.
    pub owner: CoordinatorId,
    /// Whether a standby receives what it writes.
    pub has_standby: bool,
    /// The address of another process under the same id, if there can be one.
    pub rival: Option<NodeId>,
    /// After this long without work a session that is not prepared is rolled back.
    pub idle: Duration,
    /// The slots that it has for prepared branches of the coordinator under test.
    pub slots: Slots,
    /// How its sessions wait for locked rows.
    pub locks: LockWaits,
    /// Where it counts.
    pub counts: Counts,
    /// Its machine's clock.
    pub clock: NodeClock,
    /// Where its history goes.
    pub events: Timed,
}
