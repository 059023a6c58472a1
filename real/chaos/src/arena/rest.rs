//! The end of a run: everything is healed, comes to rest within a bound, and is looked at.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::future::try_join_all;
use indoubt_sim::history::{Event, History, Tx};
use tokio::time::{Instant, sleep};

use super::coordinator::settled;
use super::site::Seen;
use super::{Arena, Gone, Site};
use crate::words::Order;

/// Everything has to come to rest within this; a server that was killed replays its own log first.
const RESTS_WITHIN: Duration = Duration::from_secs(40);

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

impl Arena {
    /// Ends every fault, waits until nothing is in doubt, asks what became of every transaction, and
    /// looks at what is there. Gives the history, up to that.
    ///
    /// Servers run, and a coordinator; its clients have been told to rest.
    ///
    /// # Errors
    /// A server or the coordinator is gone although nobody has killed it.
    pub async fn come_to_rest(&self) -> Result<History> {
        for site in &self.sites {
            site.database.proxy().heal();
        }
        self.story.tell(Event::Healed);
        let mut coordinator = self.coordinator.lock().await;
        let coordinator = coordinator.as_mut().context("a coordinator is to run by now")?;
        let begin = Instant::now();
        let (seen, owed) = loop {
            let (complete, owed) = settled(coordinator.ask(&Order::Settle).await?)?;
            let seen = try_join_all(self.sites.iter().map(|site| site.look())).await?;
            let is_done = complete && owed.as_ref().is_some_and(Vec::is_empty);
            if is_done && seen.iter().all(Seen::rests) || begin.elapsed() > RESTS_WITHIN {
                break (seen, owed);
            }
            sleep(BETWEEN_LOOKS).await;
        };
        coordinator.ask(&Order::Ask(self.story.asked())).await?;
        let rests = self.tell_what_is_left(&seen, owed.as_deref());
        for site in &self.sites {
            for (key, value) in site.rows().await? {
                self.story.tell(Event::Row { p: site.p, key, value });
            }
        }
        self.story.tell(if rests { Event::Quiesced } else { Event::Overran });
        Ok(self.story.history())
    }

    /// The history of a run that came to this. If the coordinator's process was gone and nobody had killed
    /// it, the history ends with that, as with a panic, and another process runs.
    ///
    /// # Errors
    /// It failed otherwise.
    pub async fn seen(&self, ran: Result<History>) -> Result<History> {
        match ran {
            Err(error) if error.downcast_ref::<Gone>().is_some() => {
                self.story.tell(Event::Panicked { what: Gone.to_string() });
                let history = self.story.history();
                let mut coordinator = self.coordinator.lock().await;
                drop(coordinator.take());
                self.open_into(&mut coordinator).await?;
                Ok(history)
            }
            ran => ran,
        }
    }

    /// Whether nothing is.
    fn tell_what_is_left(&self, seen: &[Seen], owed: Option<&[Tx]>) -> bool {
        for (site, seen) in self.sites.iter().zip(seen) {
            let p = site.p;
            for tx in &seen.prepared {
                self.story.tell(Event::StillPrepared { tx: *tx, p });
            }
            if seen.locked > 0 {
                self.story.tell(Event::StillLocked { p, rows: seen.locked });
            }
            let (expected, found) = (Site::STRANGERS, seen.strangers);
            self.story.tell(Event::Foreign { p, expected, found });
        }
        for tx in owed.unwrap_or_default() {
            self.story.tell(Event::StillUnfinished { tx: *tx });
        }
        owed.is_some_and(<[_]>::is_empty) && seen.iter().all(Seen::rests)
    }
}
