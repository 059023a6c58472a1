//! One sweep of recovery over the participants and the log.
//!
//! A sweep can meet anything: participants that are down, a log that cannot be read, other
//! sweeps, transactions in full flight, itself interrupted. Whatever it cannot see it leaves
//! alone, and the next sweep looks again; one sweep is never enough anyway, since a prepare
//! can arrive after the abort that gave up on it.
//!
//! Nobody waits for a sick participant but the sweep's own end: those that have listed their
//! branches soon are seen to at once, the others when their list comes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use futures::future::{BoxFuture, join, join_all};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};

use super::Deadlines;
use super::calls::{answered, within};
use super::gate::{Gates, Silences, serve};
use super::in_hand::Claim;
use super::recover::{Found, Suspect};
use super::report::{RecoveryReport, Stranded, Unreached, Why};
use super::shared::Shared;
use crate::gid::{BranchGid, Gid};
use crate::log::LogError;
use crate::participant::Lost;

/// The part of its deadline that a list is waited for before those that have come are seen to.
const PROMPT: u32 = 8;

/// How many readings of the log are under way at once.
const READINGS: usize = 16;

/// What becomes of what another sweep has in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The other one sees to it.
    LeftOut,
    /// Whoever asks for this sweep wants to know that all is done.
    WaitedFor,
}

/// Sweeps once.
pub(super) async fn sweep(shared: &Shared, taken: Taken) -> RecoveryReport {
    let (report, partial) = work(shared, taken, Task::All).await;
    shared.alarms.swept(&report, partial);
    report
}

/// Carries out what the log owes of one transaction.
pub(super) async fn recover_one(shared: &Shared, gid: &Gid) -> RecoveryReport {
    work(shared, Taken::WaitedFor, Task::One(gid)).await.0
}

enum Task<'a> {
    All,
    One(&'a Gid),
}

/// Does it, with the gates served meanwhile; they close when it is done. Tells whether something was
/// left out.
async fn work(shared: &Shared, taken: Taken, task: Task<'_>) -> (RecoveryReport, bool) {
    let silences = &Silences::new(shared.participants.len());
    let (gates, queues) = Gates::new(shared.participants.len(), silences);
    let serving = queues
        .into_iter()
        .enumerate()
        .map(|(at, queue)| serve(shared, at, queue, silences).boxed());
    let serving = join_all(serving);
    let working = async move {
        let (report, partial) = (Mutex::default(), AtomicBool::new(false));
        let sweep = Sweep { shared, gates, silences, taken, report, partial };
        match task {
            Task::All => sweep.everything().await,
            Task::One(gid) => sweep.recover(BTreeMap::from([(gid.clone(), Found::new())])).await,
        }
        let report = sweep.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        (report, sweep.partial.into_inner())
    };
    join(working.boxed(), serving).await.0
}

/// A participant, by number, and its prepared branches.
type Listed = (usize, Result<Vec<BranchGid>, Lost>);

/// A thing in hand. `None` if others have it and were waited for as long as they can honestly take:
/// who has it may be a future that nobody polls any more, and two at work on one thing do no harm.
type Hold<'a, T> = Option<Claim<'a, T>>;

/// A transaction, and what is to become of it.
type Judged<'a> = (Suspect<'a>, Hold<'a, Gid>);

/// A sweep that is under way.
struct Sweep<'a> {
    shared: &'a Shared,
    gates: Gates<'a>,
    silences: &'a Silences,
    taken: Taken,
    report: Mutex<RecoveryReport>,
    /// Something was left out, because another sweep has it in hand.
    partial: AtomicBool,
}

impl Sweep<'_> {
    async fn everything(&self) {
        // Before the lists: whatever is done by now and prepared somewhere, they show.
        let done = self.shared.live.all_done();
        self.all().await;
        let partial = self.partial.load(Ordering::Relaxed);
        if !partial && self.report.lock().unwrap_or_else(PoisonError::into_inner).is_complete() {
            self.shared.log.has_ended(&done);
        }
    }

    async fn all(&self) {
        let participants = 0..self.shared.participants.len();
        let mut lists: FuturesUnordered<BoxFuture<'_, Option<Listed>>> =
            participants.map(|at| self.list(at)).collect();
        let mut prompt = Vec::new();
        let gathering = async {
            while let Some(listed) = lists.next().await {
                prompt.extend(listed);
            }
        };
        let grace = self.shared.deadlines.scan / PROMPT;
        let _the_others_come_later = within(&*self.shared.clock, grace, gathering).await;
        let first = self.see_to(prompt, true);
        let others = lists.for_each_concurrent(None, |listed| async move {
            if let Some(listed) = listed {
                self.see_to(vec![listed], false).await;
            }
        });
        join(first.boxed(), others.boxed()).await;
    }

    /// What is prepared (P in Citus's order of reads).
    fn list(&self, at: usize) -> BoxFuture<'_, Option<Listed>> {
        let (owner, limit) = (self.shared.log.coordinator(), self.shared.deadlines.scan);
        let list = async move {
            let lists = &self.shared.in_hand.lists;
            let hold = match self.taken {
                Taken::WaitedFor => {
                    within(&*self.shared.clock, 2 * limit, lists.claim_when_free(at)).await
                }
                Taken::LeftOut => lists.claim(at),
            };
            if hold.is_none() && self.taken == Taken::LeftOut {
                self.partial.store(true, Ordering::Relaxed);
                return None;
            }
            let list = self.shared.participants[at].in_doubt(owner);
            let listed = answered(&*self.shared.clock, limit, list).await;
            drop(hold);
            Some((at, listed))
        };
        list.boxed()
    }

    /// Recovers what was listed, and with `owed` what the log still owes.
    async fn see_to(&self, listed: Vec<Listed>, owed: bool) {
        // Read after the lists: so whatever they show of a newer opening is of a successor only
        // if the log is fenced by now, and says so.
        let unfinished = match self.shared.unfinished().await {
            Ok(unfinished) => unfinished,
            Err(error) => return self.could_not_read(&error),
        };
        let mut suspects: BTreeMap<Gid, Found> = BTreeMap::new();
        for (at, list) in listed {
            match list {
                Ok(branches) => self.sort(at, branches, &mut suspects),
                Err(lost) => self.could_not_list(at, &lost),
            }
        }
        if owed {
            for commit in unfinished {
                suspects.entry(commit.gid.clone()).or_default();
            }
        }
        self.recover(suspects).await;
    }

    /// Whatever a participant lists, this coordinator touches only its own.
    fn sort(&self, at: usize, branches: Vec<BranchGid>, suspects: &mut BTreeMap<Gid, Found>) {
        let shared = self.shared;
        for branch in
            branches.into_iter().filter(|one| one.gid.coordinator == *shared.log.coordinator())
        {
            let never_begun = || shared.live.is_to_come(&branch.gid).then_some(Why::NeverBegun);
            match Why::of(shared.log.origin(&branch.gid)).or_else(never_begun) {
                Some(why) => {
                    let participant = shared.participants[at].name().to_owned();
                    self.add(|report| report.stranded.push(Stranded { branch, participant, why }));
                }
                None => suspects
                    .entry(branch.gid)
                    .or_default()
                    .entry(branch.branch)
                    .or_default()
                    .push(at),
            }
        }
    }

    /// What others have in hand is apart, so that waiting for it holds up nothing else.
    async fn recover(&self, suspects: BTreeMap<Gid, Found>) {
        let (mut free, mut taken) = (Vec::new(), Vec::new());
        for (gid, found) in suspects {
            match self.shared.in_hand.transactions.claim(gid.clone()) {
                Some(claim) => free.push(self.judge(gid, found, Some(claim)).boxed()),
                None => taken.push(self.judge_when_free(gid, found).boxed()),
            }
        }
        if self.taken == Taken::LeftOut && !taken.is_empty() {
            self.partial.store(true, Ordering::Relaxed);
            taken.clear();
        }
        join(self.see_through(free).boxed(), self.see_through(taken).boxed()).await;
    }

    async fn judge_when_free(&self, gid: Gid, found: Found) -> Judged<'_> {
        let Deadlines { force, finish, .. } = self.shared.deadlines;
        let free = self.shared.in_hand.transactions.claim_when_free(gid.clone());
        let hold = within(&*self.shared.clock, force + 2 * finish, free).await;
        self.judge(gid, found, hold).await
    }

    async fn judge<'s>(&'s self, gid: Gid, found: Found, hold: Hold<'s, Gid>) -> Judged<'s> {
        (Suspect::judge(self.shared, gid, found).await, hold)
    }

    async fn see_through(&self, judging: Vec<BoxFuture<'_, Judged<'_>>>) {
        futures::stream::iter(judging)
            .buffer_unordered(READINGS)
            .for_each_concurrent(None, |(suspect, hold)| async move {
                let one = suspect.tell(&self.gates).await;
                self.add(|report| report.add(one));
                // Only now may another sweep take it up.
                drop(hold);
            })
            .await;
    }

    fn could_not_list(&self, at: usize, lost: &Lost) {
        self.silences.fall(at, Lost::new("it could not be listed in this sweep"));
        let participant = Some(self.shared.participants[at].name().to_owned());
        let reason = lost.reason().to_owned();
        self.add(|report| report.unreached.push(Unreached { participant, branch: None, reason }));
    }

    fn could_not_read(&self, error: &LogError) {
        self.add(|report| report.unreached.push(Unreached::log(error)));
    }

    fn add(&self, to: impl FnOnce(&mut RecoveryReport)) {
        to(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
