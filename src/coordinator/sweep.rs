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

use futures::future::{self, BoxFuture, join, join_all};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};

use super::calls::answered;
use super::gate::{Gates, Silences, serve};
use super::in_hand::{Claim, Claims};
use super::recover::{Found, Suspect};
use super::report::{RecoveryReport, Stranded, Unreached, Why};
use super::shared::Shared;
use crate::clock::{Clock, within};
use crate::gid::{BranchGid, Gid};
use crate::log::{DecisionLog, LogError};
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
pub(super) async fn sweep<L: DecisionLog, C: Clock>(
    shared: &Shared<L, C>,
    taken: Taken,
) -> RecoveryReport {
    let report = work(shared, taken, Task::All).await;
    shared.alarms.swept(&report);
    report
}

/// Carries out what the log owes of one transaction.
pub(super) async fn recover_one<L: DecisionLog, C: Clock>(
    shared: &Shared<L, C>,
    gid: &Gid,
) -> RecoveryReport {
    work(shared, Taken::WaitedFor, Task::One(gid)).await
}

enum Task<'a> {
    All,
    One(&'a Gid),
}

/// Does it, with the gates served meanwhile; they close when it is done.
async fn work<L: DecisionLog, C: Clock>(
    shared: &Shared<L, C>,
    taken: Taken,
    task: Task<'_>,
) -> RecoveryReport {
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
        sweep.report.into_inner().unwrap_or_else(PoisonError::into_inner)
    };
    join(working.boxed(), serving).await.0
}

/// A participant, by number, and its prepared branches.
type Listed = (usize, Result<Vec<BranchGid>, Lost>);

/// A sweep that is under way.
struct Sweep<'a, L, C> {
    shared: &'a Shared<L, C>,
    gates: Gates<'a>,
    silences: &'a Silences,
    taken: Taken,
    report: Mutex<RecoveryReport>,
    /// Something was left out, because another sweep has it in hand.
    partial: AtomicBool,
}

impl<L: DecisionLog, C: Clock> Sweep<'_, L, C> {
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
        let _the_others_come_later = within(&self.shared.clock, grace, gathering).await;
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
            let claim = self.claim(&self.shared.in_hand.lists, at).await?;
            let list = self.shared.participants[at].in_doubt(owner);
            let listed = answered(&self.shared.clock, limit, list).await;
            drop(claim);
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

    async fn recover(&self, suspects: BTreeMap<Gid, Found>) {
        // Boxed, so that the stream's type does not depend on lifetimes that the compiler cannot
        // name.
        let judging: Vec<BoxFuture<'_, _>> = suspects
            .into_iter()
            .map(|(gid, found)| {
                let judging = async move {
                    let claim = self.claim(&self.shared.in_hand.transactions, gid.clone()).await?;
                    Some((Suspect::judge(self.shared, gid, found).await, claim))
                };
                judging.boxed()
            })
            .collect();
        futures::stream::iter(judging)
            .buffer_unordered(READINGS)
            .filter_map(future::ready)
            .for_each_concurrent(None, |(suspect, claim)| async move {
                let one = suspect.tell(&self.gates).await;
                self.add(|report| report.add(one));
                // Only now may another sweep take it up.
                drop(claim);
            })
            .await;
    }

    /// Takes something in hand, unless another sweep has it and this one leaves it out.
    async fn claim<'c, T: Ord + Clone>(
        &self,
        claims: &'c Claims<T>,
        of: T,
    ) -> Option<Claim<'c, T>> {
        if self.taken == Taken::WaitedFor {
            return Some(claims.claim_when_free(of).await);
        }
        let claim = claims.claim(of);
        self.partial.fetch_or(claim.is_none(), Ordering::Relaxed);
        claim
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
