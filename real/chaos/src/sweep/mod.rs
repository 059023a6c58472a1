//! A fault at every message of one transaction.
//!
//! One transaction is run in peace and its messages are counted, at every database and in both
//! directions. Then it is run again for every message and every [`Deed`]: the message is struck, everything
//! is healed, recovery does its work, and the history of just that is judged. Servers and, unless it is what
//! is killed, the coordinator's process stay up from one point to the next, so a point costs what a
//! transaction costs.
//!
//! A message is a request, which a server carries out as one, or its reply
//! ([`Passed`]). The messages of one database come in the same order every
//! time; which of two databases is ahead of the other is left to the run.

mod deed;
mod point;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use indicatif::ProgressBar;
use indoubt_real::containers::{Passed, Way};
use indoubt_sim::invariants::Violation;
use indoubt_sim::scenario::{Scenario, Workload};

use crate::arena::{Arena, Program, Site};
use crate::judge::{self, Judged, Tally};
use crate::words::Order;

pub use deed::Deed;
pub use point::Point;

/// The deadline of every step. A message that is delayed comes well after it.
const STEP: Duration = Duration::from_millis(600);

/// How often a point is gone to whose message does not come.
const ATTEMPTS: u32 = 5;

/// How a sweep goes.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// What is run to be the coordinator.
    pub program: Program,
    /// How many databases there are, each on a server of its own.
    pub databases: u8,
    /// Only this point.
    pub only: Option<Point>,
    /// Only every so many-th point.
    pub every: usize,
    /// Whether the explorer is asked as well.
    pub follow: bool,
    /// Where the histories of points are written that break something.
    pub folder: PathBuf,
}

/// What a sweep came to.
#[derive(Clone, Debug, Default)]
pub struct Swept {
    /// The messages, in order: at which database, and what.
    pub messages: Vec<(u8, Passed)>,
    /// What broke without any fault: then no point was gone to.
    pub in_peace: Vec<Violation>,
    /// How many points there are.
    pub points: usize,
    /// How many messages were struck.
    pub ran: usize,
    /// Points whose message never came.
    pub missed: Vec<Point>,
    /// What broke, and where the history is.
    pub broken: Vec<(Point, Vec<Violation>, PathBuf)>,
    /// What was reached, in all points.
    pub tally: Tally,
    /// How long it took, without the start of the servers.
    pub took: Duration,
}

impl Sweep {
    /// Goes to every point.
    ///
    /// # Errors
    /// There are no servers, or something is gone that nobody killed.
    pub async fn run(&self, bar: &ProgressBar) -> Result<Swept> {
        let arena = Arena::start(self.program.clone(), scenario(self.databases)).await?;
        bar.println(format!("{} servers: {}", self.databases, arena.source()));
        arena.open().await?;
        #[expect(clippy::disallowed_methods, reason = "a real run takes real time")]
        let begin = Instant::now();
        let mut swept = Swept::default();
        (swept.messages, swept.in_peace) = in_peace(&arena).await?;
        if !swept.in_peace.is_empty() {
            return Ok(swept);
        }
        let points = self.points(&swept.messages)?;
        swept.points = swept.messages.len() * Deed::ALL.len();
        bar.set_length(points.len() as u64);
        for point in points {
            bar.set_message(point.to_string());
            self.try_to_hit(&arena, point, &mut swept, bar).await?;
            bar.inc(1);
        }
        swept.took = begin.elapsed();
        Ok(swept)
    }

    fn points(&self, messages: &[(u8, Passed)]) -> Result<Vec<Point>> {
        let all = (0..messages.len())
            .flat_map(|message| Deed::ALL.map(|deed| Point { message, deed }))
            .filter(|point| self.only.is_none_or(|only| only == *point));
        let some: Vec<_> = all.step_by(self.every.max(1)).collect();
        ensure!(!some.is_empty(), "there are {} messages, from 0", messages.len());
        Ok(some)
    }

    /// Goes there until the message comes. On a machine that is busy a transaction can miss its deadlines
    /// before that; what happened then is judged all the same.
    async fn try_to_hit(
        &self,
        arena: &Arena,
        point: Point,
        swept: &mut Swept,
        bar: &ProgressBar,
    ) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let gone_to = self.go_to(arena, point, swept, bar).await;
            if gone_to.with_context(|| format!("at {point}"))? {
                swept.ran += 1;
                return Ok(());
            }
        }
        swept.missed.push(point);
        Ok(())
    }

    /// Whether the message came.
    async fn go_to(
        &self,
        arena: &Arena,
        point: Point,
        swept: &mut Swept,
        bar: &ProgressBar,
    ) -> Result<bool> {
        let message = place(&swept.messages, point.message).context("a message that there is")?;
        arena.begin(false).await?;
        let mut has_come = true;
        let ran = async {
            has_come = point::strike(arena, message, point.deed, STEP).await?;
            arena.come_to_rest().await
        };
        let ran = ran.await;
        let history = arena.seen(ran).await?;
        let Judged { tally, violations, .. } = judge::judge(&history, self.follow)?;
        swept.tally += tally;
        if !violations.is_empty() {
            let file = self.file(point);
            judge::write(&history, &file)?;
            bar.println(format!("{point} at {}: BROKEN: {}", swept.about(point), violations[0]));
            swept.broken.push((point, violations, file));
        }
        if point.deed == Deed::KillCoordinator {
            warm_up(arena).await?;
        }
        Ok(has_come)
    }

    fn file(&self, point: Point) -> PathBuf {
        let Point { message, deed } = point;
        self.folder.join(format!("chaos-sweep-{}-{message}-{deed}.jsonl", self.databases))
    }

    /// The line that goes to one point again.
    pub fn again(&self, point: Point) -> String {
        let follow = if self.follow { " --follow" } else { "" };
        format!("cargo chaos sweep --databases {} --only {point}{follow}", self.databases)
    }
}

impl Swept {
    /// Whether every invariant held.
    pub const fn holds(&self) -> bool {
        self.in_peace.is_empty() && self.broken.is_empty()
    }

    /// What is struck at a point.
    pub fn about(&self, point: Point) -> String {
        let message = self.messages.get(point.message);
        message.map_or_else(String::new, |(p, passed)| {
            let way = format!("{:?}", passed.way).to_lowercase();
            format!("participant-{p}, {way} {:?}", passed.about)
        })
    }
}

/// A message: its database, which way it goes there, and how many have gone that way before it.
type Place = (u8, Way, usize);

fn place(messages: &[(u8, Passed)], message: usize) -> Option<Place> {
    let (p, passed) = messages.get(message)?;
    let like = |(other, before): &&(u8, Passed)| other == p && before.way == passed.way;
    let nth = messages[..message].iter().filter(like).count();
    Some((*p, passed.way, nth))
}

/// Each request followed by its reply, whether or not the client asked ahead: so a number means the same
/// message in every run.
fn in_rounds(passed: Vec<Passed>) -> impl Iterator<Item = Passed> {
    let (requests, replies): (Vec<_>, Vec<_>) =
        passed.into_iter().partition(|passed| passed.way == Way::Request);
    let mut replies = replies.into_iter();
    requests.into_iter().flat_map(move |request| [Some(request), replies.next()]).flatten()
}

/// The transaction whose messages are struck: it writes at two databases, and reads at a third.
const NUMBER: u32 = 1;

fn scenario(databases: u8) -> Scenario {
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Scenario {
        participants: databases,
        workload: Workload::Transfers {
            accounts: 4,
            overdraw_permille: 0,
            audit_permille: 1_000,
            read_only_permille: 0,
            single_permille: 0,
        },
        clients: 1,
        deadline_ms: ms(STEP),
        acknowledge_ms: ms(STEP),
        // Sweeps come when they are asked for, and not in between, so that messages have numbers.
        recovery_ms: 3_600_000,
        faults: Vec::new(),
        ..Scenario::reference(1)
    }
}

/// Runs the transaction without a fault, judges that, and counts its messages.
async fn in_peace(arena: &Arena) -> Result<(Vec<(u8, Passed)>, Vec<Violation>)> {
    warm_up(arena).await?;
    arena.begin(true).await?;
    for site in &arena.sites {
        site.database.proxy().count();
    }
    transact(arena).await?;
    let counted = |site: &Arc<Site>| {
        let counted = site.database.proxy().counted();
        in_rounds(counted).map(move |passed| (site.p, passed)).collect()
    };
    let messages: Vec<Vec<_>> = arena.sites.iter().map(counted).collect();
    let broken = judge::judge(&arena.come_to_rest().await?, false)?.violations;
    Ok((messages.into_iter().flatten().collect(), broken))
}

/// What a process does for the first time it does once: a handle looks at its server, and recovery has
/// sessions. After this each transaction sends the same messages.
async fn warm_up(arena: &Arena) -> Result<()> {
    arena.begin(false).await?;
    transact(arena).await?;
    arena.come_to_rest().await.map(drop)
}

async fn transact(arena: &Arena) -> Result<()> {
    let mut coordinator = arena.coordinator.lock().await;
    let coordinator = coordinator.as_mut().context("a coordinator runs")?;
    coordinator.ask(&Order::Transact(NUMBER)).await.map(drop)
}

/// Where what breaks is written.
pub fn folder() -> &'static Path {
    Path::new("target/indoubt")
}
