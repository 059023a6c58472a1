//! Faults drawn from a seed, for as long as one likes, while clients never pause.
//!
//! Each database and the coordinator's process have somebody who goes for them, all at once and each with a
//! stream of its own. When the time is over everything is healed, and all of it is one history,
//! judged at once. The seed decides which faults come in which order; what they hit, the run decides, so the
//! history in the file is what can be judged again.

mod coordinator;
mod faults;
mod scores;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use indicatif::ProgressBar;
use indoubt_sim::history::History;
use indoubt_sim::invariants::Violation;
use indoubt_sim::scenario::{Scenario, Workload};
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout};

use crate::arena::{Arena, Program};
use crate::judge::{self, Judged, Tally};
use crate::words::Order;

pub use scores::{Blow, Scores};

/// How long clients may take to end what they are at when everything is healed.
const RESTS_WITHIN: Duration = Duration::from_secs(60);

/// How a soak goes.
#[derive(Clone, Debug)]
pub struct Soak {
    /// What is run to be the coordinator.
    pub program: Program,
    /// How many databases there are, each on a server of its own.
    pub databases: u8,
    /// How long faults come.
    pub lasts: Duration,
    /// What draws them.
    pub seed: u64,
    /// What lies between two faults of one database, at the most; between two kills of the coordinator
    /// it is twice that.
    pub pause: Duration,
    /// How many clients there are.
    pub clients: u16,
    /// Whether the explorer is asked as well.
    pub follow: bool,
}

/// What a soak came to.
#[derive(Clone, Debug)]
pub struct Soaked {
    /// What happened, as it was seen.
    pub history: History,
    /// What it reached.
    pub tally: Tally,
    /// What it went through.
    pub scores: Scores,
    /// What broke.
    pub violations: Vec<Violation>,
    /// How long faults came.
    pub took: Duration,
}

impl Soak {
    /// Soaks.
    ///
    /// # Errors
    /// There are no servers, or something is gone that nobody killed.
    pub async fn run(&self, bar: &ProgressBar) -> Result<Soaked> {
        let arena = Arc::new(Arena::start(self.program.clone(), self.scenario()).await?);
        bar.println(format!("{} servers: {}", self.databases, arena.source()));
        arena.begin(false).await?;
        arena.open().await?;
        coordinator::work(&arena).await?;
        let (end, ends) = watch::channel(false);
        let scores = Scores::default();
        let begin = Instant::now();
        let faults = faults::all(&arena, self, &scores, &ends);
        let watching = async {
            let mut second = interval(Duration::from_secs(1));
            while begin.elapsed() < self.lasts {
                second.tick().await;
                bar.set_position(begin.elapsed().as_secs());
                bar.set_message(format!("{} transactions, {scores}", arena.story.begun()));
            }
            end.send_replace(true);
            anyhow::Ok(())
        };
        let ran = async {
            let faults = async { try_join_all(faults).await.map(drop) };
            tokio::try_join!(faults, watching)?;
            bar.set_message("everything is healed, and has to come to rest");
            for site in &arena.sites {
                site.database.proxy().heal();
            }
            rest(&arena).await?;
            arena.come_to_rest().await
        };
        let ran = ran.await;
        let took = begin.elapsed().min(self.lasts);
        let history = arena.seen(ran).await?;
        bar.set_message("judging");
        let Judged { tally, violations, .. } = judge::judge(&history, self.follow)?;
        Ok(Soaked { history, tally, scores, violations, took })
    }

    fn scenario(&self) -> Scenario {
        Scenario {
            participants: self.databases,
            workload: Workload::Transfers {
                accounts: 40,
                overdraw_permille: 60,
                audit_permille: 200,
                read_only_permille: 50,
                single_permille: 100,
            },
            clients: self.clients,
            think_ms: 60,
            deadline_ms: 2_000,
            acknowledge_ms: 500,
            recovery_ms: 300,
            faults: Vec::new(),
            ..Scenario::reference(self.seed)
        }
    }
}

/// Lets the clients end what they are at.
async fn rest(arena: &Arena) -> Result<()> {
    let mut coordinator = arena.coordinator.lock().await;
    let coordinator = coordinator.as_mut().context("a coordinator runs")?;
    timeout(RESTS_WITHIN, coordinator.ask(&Order::Rest)).await??;
    Ok(())
}
