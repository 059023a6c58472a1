//! One point of a sweep: a message, and what is done at it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use indoubt_real::containers::{self, Proxy};
use indoubt_sim::history::{Event, Place};
use tokio::time::{Instant, sleep_until};

use super::{Deed, NUMBER};
use crate::arena::{Arena, Site};
use crate::serve::HERE;
use crate::words::Order;

/// A point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The message, by its number in the transaction that went in peace.
    pub message: usize,
    /// What is done at it.
    pub deed: Deed,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.message, self.deed)
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (message, deed) =
            text.split_once(':').ok_or("a point is a message and a deed: 17:cut-after")?;
        let message = message.parse().map_err(|_| format!("{message:?} is no message's number"))?;
        Ok(Self { message, deed: deed.parse()? })
    }
}

/// Runs the transaction with one message struck. Then servers and a coordinator run,
/// and nothing is on its way. Whether the message came.
pub(super) async fn strike(
    arena: &Arena,
    (p, way, nth): super::Place,
    deed: Deed,
    step: Duration,
) -> Result<bool> {
    let site = arena.sites.get(usize::from(p)).context("a database that there is")?;
    let proxy = site.database.proxy();
    // Longer than any deadline of the step that it is in.
    let late = step * 2;
    proxy.strike(way, nth, at_proxy(deed, late));
    let mut coordinator = arena.coordinator.lock().await;
    let running = coordinator.as_mut().context("a coordinator runs")?;
    running.order(&Order::Transact(NUMBER))?;
    // Either the message comes, or the transaction ends without it.
    let mut answered = false;
    let has_come = tokio::select! {
        struck = proxy.until_struck() => struck.is_some(),
        answer = running.answer() => {
            answer?;
            answered = true;
            proxy.struck().is_some()
        }
    };
    let begin = Instant::now();
    if has_come {
        tell(arena, site, deed, true);
        if deed == Deed::KillCoordinator {
            arena.kill(&mut coordinator)?;
            release(proxy);
            return arena.open_into(&mut coordinator).await.map(|()| true);
        }
        if deed == Deed::KillServer {
            arena.kill_server(site).await?;
            release(proxy);
        }
    }
    if !answered {
        coordinator.as_mut().context("it was not killed")?.answer().await?;
    }
    if has_come && deed == Deed::KillServer {
        arena.restart_server(site).await?;
    }
    if has_come && deed == Deed::Delay {
        // What comes late comes before everything is healed, or it would not have come at all.
        sleep_until(begin + late + step / 10).await;
    }
    if has_come {
        tell(arena, site, deed, false);
    }
    Ok(has_come)
}

/// Lets go of what was kept, which is lost by that.
fn release(proxy: &Proxy) {
    proxy.heal();
}

const fn at_proxy(deed: Deed, late: Duration) -> containers::Deed {
    match deed {
        Deed::CutBefore => containers::Deed::CutBefore,
        Deed::CutAfter => containers::Deed::CutAfter,
        Deed::HalfClose => containers::Deed::HalfClose,
        Deed::Delay => containers::Deed::Delay(late),
        Deed::KillServer | Deed::KillCoordinator => containers::Deed::Keep,
    }
}

/// For whoever reads the history.
fn tell(arena: &Arena, site: &Site, deed: Deed, begins: bool) {
    if matches!(deed, Deed::KillServer | Deed::KillCoordinator) {
        return;
    }
    let (from, to): (Place, Place) = (HERE, site.place());
    arena.story.tell(if begins { Event::Cut { from, to } } else { Event::Mended { from, to } });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_that_is_printed_is_read_back() {
        for deed in Deed::ALL {
            let point = Point { message: 17, deed };
            assert_eq!(point.to_string().parse(), Ok(point));
        }
        for wrong in ["17", "17:", "x:delay", "17:delays"] {
            assert!(wrong.parse::<Point>().is_err(), "{wrong}");
        }
    }
}
