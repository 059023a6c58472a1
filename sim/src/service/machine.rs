//! The machine that a service runs on, as the service has it.

use std::fmt::Display;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{Either, select};
use indoubt::{Clock, Coordinator};

use super::Database;
use super::databases::Databases;
use crate::clock::NodeClock;
use crate::draw::Draw;
use crate::edge::Witness;
use crate::history::{Event, ServiceEvent};
use crate::lock::lock;

/// The machine that a service runs on, for one life of its process. Clones are of the same life.
///
/// It is a [`Databases`] too: [`connect`](Databases::connect) is how a service reaches them.
#[derive(Clone)]
pub struct Machine {
    pub(super) databases: Databases,
    pub(super) coordinator: Coordinator,
    pub(super) participants: Arc<[Database]>,
    pub(super) clock: NodeClock,
    pub(super) draw: Arc<Mutex<Draw>>,
    pub(super) witness: Witness,
}

impl Deref for Machine {
    type Target = Databases;

    fn deref(&self) -> &Databases {
        &self.databases
    }
}

impl Machine {
    /// Sleeps, by this machine's clock, which may be fast or slow and may jump.
    pub async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    /// What this machine's clock shows: about how long the run has lasted.
    pub fn now(&self) -> Duration {
        self.clock.now()
    }

    /// Waits for this long and no longer; nothing if it has not come by then.
    ///
    /// # Cancel safety
    /// What has not come by then is dropped.
    pub async fn within<T>(
        &self,
        limit: Duration,
        what: impl Future<Output = T> + Send,
    ) -> Option<T> {
        match select(pin!(what), pin!(self.sleep(limit))).await {
            Either::Left((came, _)) => Some(came),
            Either::Right(_) => None,
        }
    }

    /// A number, from a stream of the run's seed that is another one in each life of the process.
    pub fn random(&self) -> u64 {
        lock(&self.draw).next_u64()
    }

    /// A number below this, from the same stream; 0 if this is 0.
    pub fn random_below(&self, bound: u64) -> u64 {
        lock(&self.draw).below(bound)
    }

    /// Writes a line into the history, where replays and pictures show it.
    pub fn say(&self, line: impl Display) {
        let (by, line) = (self.witness.by(), line.to_string());
        self.witness.record(Event::OfService { what: ServiceEvent::Says { by, line } });
    }

    /// The coordinator of this process, with all databases as its participants: it runs and recovers
    /// as it ships, over a decision log on this machine's disk.
    pub const fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    /// A database as the coordinator's participant, for
    /// [`Transaction::branch`](indoubt::Transaction::branch). Its own name is that of its place in the
    /// history, `participant-0`.
    ///
    /// # Panics
    /// If there is no such database.
    pub fn participant(&self, database: &str) -> &Database {
        &self.participants[usize::from(self.databases.number(database))]
    }
}
