//! What a coordinator's process does when it is told to.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use indoubt::{Coordinator, DecisionLog as _};
use indoubt_real::Postgres;
use indoubt_real::log::{Directory, FileLog};
use indoubt_sim::edge::{Attended, Watched, Witness};
use indoubt_sim::history::{Event, Swept, Tx};
use indoubt_sim::scenario::Scenario;
use indoubt_sim::workload::ask;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep};

use super::clients::Clients;
use super::mouth::Mouth;
use super::{HERE, transaction};
use crate::words::{Order, Said};

/// How long it sweeps, at the most, until a sweep has reached everything.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);

const BETWEEN_SWEEPS: Duration = Duration::from_millis(50);

/// A coordinator's process, as whoever works in it has it.
pub(super) struct Desk {
    pub(super) coordinator: Coordinator,
    pub(super) participants: Vec<Attended<Postgres>>,
    pub(super) log: Watched<FileLog<Directory>>,
    pub(super) witness: Witness,
    pub(super) mouth: Mouth,
    pub(super) scenario: Scenario,
}

impl Desk {
    /// Does what it is told, one after the other, until nobody tells it anything any more.
    pub(super) async fn work_off(
        self: Arc<Self>,
        mut orders: UnboundedReceiver<String>,
    ) -> Result<()> {
        let mut clients = Clients::default();
        self.mouth.say(&Said::Up);
        while let Some(order) = orders.recv().await {
            let order = serde_json::from_str(&order).context("a line is to be an order")?;
            let said = match order {
                Order::Transact(number) => {
                    transaction::transact(&self, number).await;
                    Said::Did
                }
                Order::Work(from) => {
                    clients = Clients::begin(&self, from);
                    Said::Did
                }
                Order::Rest => {
                    clients.rest().await;
                    Said::Did
                }
                Order::Settle => self.settle().await,
                Order::Ask(gids) => {
                    for gid in gids {
                        let gid = gid.parse().map_err(|error| anyhow!("{error}"))?;
                        ask(&self.coordinator, &gid, &self.witness).await;
                    }
                    Said::Did
                }
            };
            self.mouth.say(&said);
        }
        Ok(())
    }

    async fn settle(&self) -> Said {
        let begin = Instant::now();
        loop {
            let complete = self.sweep().await;
            let owed = self.owed().await;
            let is_done = complete && owed.as_ref().is_some_and(Vec::is_empty);
            if is_done || begin.elapsed() > SETTLED_WITHIN {
                // What was noted lazily is otherwise found again by the next opening, as documented;
                // and whoever begins another history here would take it for one of that.
                let _noted = self.log.flush().await;
                return Said::Settled { complete, owed };
            }
            sleep(BETWEEN_SWEEPS).await;
        }
    }

    /// Sweeps once, and writes down what the sweep says.
    async fn sweep(&self) -> bool {
        let since = Instant::now();
        let says = Swept::from(&self.coordinator.recover().await);
        let after_us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (complete, epoch) = (says.is_complete(), self.coordinator.epoch());
        self.witness.record(Event::Swept { by: HERE, epoch, after_us, says });
        complete
    }

    async fn owed(&self) -> Option<Vec<Tx>> {
        let unfinished = self.log.unfinished().await.ok()?;
        Some(unfinished.iter().map(|commit| Tx::of(&commit.gid)).collect())
    }
}
