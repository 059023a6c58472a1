//! Who goes for each database and for the coordinator, until the end.
//!
//! Each fault is over, and what was killed runs again, before the next one of the same place begins. Faults
//! of different places overlap as they come.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use indoubt_real::containers::Proxy;
use indoubt_sim::draw::Draw;
use indoubt_sim::history::{Ailment, Event, Place};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::scores::{Blow, Scores};
use super::{Soak, coordinator};
use crate::arena::{Arena, Site};
use crate::serve::HERE;

/// The first stream of the faults.
const STREAM: u64 = 13 << 48;

/// How long what lasts a while lasts, at the most: beyond every deadline.
const WHILE: Duration = Duration::from_millis(2_500);

/// How long a rule waits for its statement.
const RULE: Duration = Duration::from_secs(1);

/// What a rule strikes: the votes and the ends, and any work.
const STATEMENTS: [&str; 5] =
    ["PREPARE TRANSACTION", "COMMIT PREPARED", "ROLLBACK PREPARED", "COMMIT", "UPDATE"];

/// One for each place.
pub(super) fn all(
    arena: &Arc<Arena>,
    soak: &Soak,
    scores: &Scores,
    end: &watch::Receiver<bool>,
) -> Vec<BoxFuture<'static, Result<()>>> {
    let foe = |stream: u64| Foe {
        arena: arena.clone(),
        scores: scores.clone(),
        draw: Draw::new(soak.seed, STREAM + stream),
        pause: soak.pause,
        end: end.clone(),
    };
    let each = |site: &Arc<Site>| foe(1 + u64::from(site.p)).go_for_database(site.clone()).boxed();
    let mut all: Vec<_> = arena.sites.iter().map(each).collect();
    // It has all clients in it: killed too often, they come to nothing.
    let patient = Foe { pause: 2 * soak.pause, ..foe(0) };
    all.push(patient.go_for_coordinator().boxed());
    all
}

struct Foe {
    arena: Arc<Arena>,
    scores: Scores,
    draw: Draw,
    pause: Duration,
    end: watch::Receiver<bool>,
}

impl Foe {
    /// Waits, or not: false when the end has come.
    async fn goes_on(&mut self) -> bool {
        let pause = self.draw.between(Duration::ZERO, self.pause);
        timeout(pause, self.end.wait_for(|end| *end)).await.is_err()
    }

    async fn go_for_coordinator(mut self) -> Result<()> {
        while self.goes_on().await {
            // In the middle of something, as a rule: its clients never pause for long.
            coordinator::kill(&self.arena).await?;
            self.scores.count(Blow::CoordinatorKilled);
        }
        Ok(())
    }

    async fn go_for_database(mut self, site: Arc<Site>) -> Result<()> {
        while self.goes_on().await {
            let lasts = self.draw.between(Duration::ZERO, WHILE);
            match self.draw.below(10) {
                0..=3 => self.kill(&site, lasts / 6).await?,
                4 => self.pause(&site, lasts).await?,
                5 => {
                    site.database.proxy().cut();
                    self.scores.count(Blow::Cut);
                }
                6 => self.partition(&site, lasts).await,
                _ => self.strike(&site, lasts).await,
            }
        }
        Ok(())
    }

    async fn kill(&self, site: &Site, down: Duration) -> Result<()> {
        self.arena.kill_server(site).await?;
        self.scores.count(Blow::ServerKilled);
        sleep(down).await;
        self.arena.restart_server(site).await
    }

    async fn pause(&self, site: &Site, lasts: Duration) -> Result<()> {
        let (place, ailment) = (site.place(), Ailment::Paused);
        site.database.server().pause().await?;
        self.arena.story.tell(Event::Ails { place, ailment, ails: true });
        self.scores.count(Blow::Paused);
        sleep(lasts).await;
        site.database.server().unpause().await?;
        self.arena.story.tell(Event::Ails { place, ailment, ails: false });
        Ok(())
    }

    async fn partition(&self, site: &Site, lasts: Duration) {
        let (from, to): (Place, Place) = (HERE, site.place());
        site.database.proxy().partition();
        self.arena.story.tell(Event::Cut { from, to });
        self.scores.count(Blow::Partition);
        sleep(lasts).await;
        site.database.proxy().heal();
        self.arena.story.tell(Event::Mended { from, to });
    }

    /// Strikes a statement, if one comes.
    async fn strike(&mut self, site: &Site, lasts: Duration) {
        type Set = fn(&Proxy, &str);
        let deeds: [(Blow, Set); 4] = [
            (Blow::CutBefore, Proxy::cut_before),
            (Blow::AnswerLost, Proxy::cut_after_reply),
            (Blow::Swallowed, Proxy::swallow),
            (Blow::Late, Proxy::hold),
        ];
        let one = |count: usize, draw: &mut Draw| {
            usize::try_from(draw.below(count as u64)).unwrap_or_default()
        };
        let statement = STATEMENTS[one(STATEMENTS.len(), &mut self.draw)];
        let (blow, set) = deeds[one(deeds.len(), &mut self.draw)];
        let proxy = site.database.proxy();
        set(proxy, statement);
        let fired = timeout(RULE, proxy.until_fired()).await;
        if matches!(fired, Ok(Ok(()))) {
            self.scores.count(blow);
            if matches!(blow, Blow::Swallowed | Blow::Late) {
                sleep(lasts).await;
            }
        }
        proxy.heal();
    }
}
