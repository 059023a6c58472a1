//! Driving recovery: one sweep over the participants and the log.
//!
//! A sweep can meet anything: participants that are down, a log that cannot be read, other
//! sweeps, transactions in full flight, itself interrupted. Whatever it cannot see it leaves
//! alone, and the next sweep looks again; one sweep is never enough anyway, since a prepare
//! can arrive after the abort that gave up on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, future};
use tracing::Instrument;

use super::commit::log_failure;
use super::erased::AnyParticipant;
use super::shared::Shared;
use crate::clock::{Clock, within};
use crate::gid::{BranchGid, Gid};
use crate::log::{DecisionLog, Entry, LogError};
use crate::outcome::Heuristic;
use crate::participant::{Lost, Receipt};
use crate::protocol::{
    BranchId, BranchSet, Decision, Ending, EpochOrder, LogAnswer, RecoveryEffect, RecoveryEffects,
    RecoveryInput, RecoveryMachine,
};

/// How many transactions a sweep works on at once.
const CONCURRENT: usize = 16;

/// What one sweep found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecoveryReport {
    /// Branches that were told to commit, and have.
    pub committed: Vec<BranchGid>,
    /// Branches that were told to roll back, and have.
    pub aborted: Vec<BranchGid>,
    /// Branches that someone else resolved, or may have.
    pub heuristic: Vec<Heuristic>,
    /// What could not be reached, and why; a later sweep will try again.
    pub unreached: Vec<String>,
}

impl RecoveryReport {
    /// Whether everything was reached, so that nothing older than the sweep is left in doubt.
    pub fn is_complete(&self) -> bool {
        self.unreached.is_empty()
    }

    fn add(&mut self, other: Self) {
        self.committed.extend(other.committed);
        self.aborted.extend(other.aborted);
        self.heuristic.extend(other.heuristic);
        self.unreached.extend(other.unreached);
    }
}

impl fmt::Display for RecoveryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { committed, aborted, heuristic, unreached } = self;
        write!(f, "{} branches committed, {} rolled back, ", committed.len(), aborted.len())?;
        write!(f, "{} heuristic, {} unreached", heuristic.len(), unreached.len())
    }
}

/// One sweep: what is prepared (P), what the log still owes, and then for each transaction
/// whether it is live (A) and what the log says of it (T).
pub(super) async fn sweep<L: DecisionLog, C: Clock>(shared: &Shared<L, C>) -> RecoveryReport {
    let mut report = RecoveryReport::default();
    let scans = future::join_all(
        shared.participants.iter().map(|participant| scan(shared, &**participant)),
    )
    .await;
    let mut suspects: BTreeMap<Gid, Found> = BTreeMap::new();
    let mut silent = BTreeSet::new();
    for (participant, scan) in shared.participants.iter().zip(scans) {
        match scan {
            Ok(branches) => {
                for BranchGid { gid, branch } in branches {
                    suspects.entry(gid).or_default().insert(branch, participant.clone());
                }
            }
            Err(lost) => {
                report.unreached.push(format!("{}: {lost}", participant.name()));
                silent.insert(participant.name());
            }
        }
    }
    match shared.unfinished().await {
        Ok(unfinished) => {
            for commit in unfinished {
                suspects.entry(commit.gid.clone()).or_default();
            }
        }
        Err(error) => {
            report.unreached.push(error.to_string());
            return finished(report);
        }
    }
    // Boxed, so that the stream's type does not depend on lifetimes that the compiler cannot name.
    let mut recoveries: Vec<BoxFuture<'_, RecoveryReport>> = Vec::with_capacity(suspects.len());
    for (gid, found) in suspects {
        let span = tracing::info_span!("recovery", %gid);
        recoveries.push(recover(shared, gid, found, &silent).instrument(span).boxed());
    }
    let mut recoveries = futures::stream::iter(recoveries).buffer_unordered(CONCURRENT);
    while let Some(one) = recoveries.next().await {
        report.add(one);
    }
    finished(report)
}

fn finished(report: RecoveryReport) -> RecoveryReport {
    if report == RecoveryReport::default() {
        tracing::trace!("recovery found nothing to do");
    } else {
        tracing::info!(%report, "recovery swept");
    }
    report
}

async fn scan<L: DecisionLog, C: Clock>(
    shared: &Shared<L, C>,
    participant: &dyn AnyParticipant,
) -> Result<Vec<BranchGid>, Lost> {
    let (owner, limit) = (shared.log.coordinator(), shared.deadlines.scan);
    let mut branches = within(&shared.clock, limit, participant.in_doubt(owner))
        .await
        .unwrap_or_else(|| Err(Lost::new(format!("no list within {limit:?}"))))?;
    // Whatever a participant lists, this coordinator touches only its own.
    branches.retain(|branch| branch.gid.coordinator == *owner);
    Ok(branches)
}

/// Where branches were found prepared.
type Found = BTreeMap<BranchId, Arc<dyn AnyParticipant>>;

/// A branch to be told the decision.
struct Target {
    name: Arc<str>,
    participant: Option<Arc<dyn AnyParticipant>>,
    receipt: Receipt,
    /// It has acknowledged the decision before, so its silence on how it ended means nothing.
    acknowledged: bool,
}

async fn recover<L: DecisionLog, C: Clock>(
    shared: &Shared<L, C>,
    gid: Gid,
    found: Found,
    silent: &BTreeSet<&str>,
) -> RecoveryReport {
    let mut report = RecoveryReport::default();
    let epoch =
        if gid.epoch > shared.log.epoch() { EpochOrder::Newer } else { EpochOrder::NotNewer };
    let mut machine = RecoveryMachine::new(epoch, found.keys().copied().collect());
    let mut targets: BTreeMap<BranchId, Target> = found
        .into_iter()
        .map(|(branch, participant)| {
            let target = Target {
                name: participant.name().into(),
                participant: Some(participant),
                receipt: Receipt::none(),
                acknowledged: false,
            };
            (branch, target)
        })
        .collect();
    let mut effects = RecoveryEffects::new();
    machine.handle(RecoveryInput::Start, &mut effects);
    // Each question is answered before the next effect, and telling is the last of them.
    while let Some(effect) = effects.pop_at(0) {
        match effect {
            RecoveryEffect::AskLive => {
                machine
                    .handle(RecoveryInput::Live(shared.live.stage(&gid).is_some()), &mut effects);
            }
            RecoveryEffect::ReadLog => {
                let entry = shared.read(&gid).await;
                let answer = read(shared, entry, &mut targets, &mut report);
                machine.handle(RecoveryInput::LogRead(answer), &mut effects);
            }
            RecoveryEffect::Finish(set, decision) => {
                let mut telling: FuturesUnordered<_> = targets
                    .iter()
                    .filter(|(branch, _)| set.contains(**branch))
                    .map(|(branch, target)| {
                        tell(shared, gid.branch(*branch), target, decision, silent)
                    })
                    .collect();
                while let Some((branch, ended)) = telling.next().await {
                    let input = note(shared, &mut report, branch, ended, decision);
                    machine.handle(input, &mut effects);
                }
            }
            RecoveryEffect::Forget => {
                if let Err(error) = shared.forget(&gid).await {
                    tracing::warn!(%error, "the finished commit could not be noted");
                }
            }
            RecoveryEffect::Done => break,
        }
    }
    report
}

/// The log's answer for the machine. A decision names its branches, also those that were
/// not found prepared.
fn read<L, C>(
    shared: &Shared<L, C>,
    entry: Result<Entry, LogError>,
    targets: &mut BTreeMap<BranchId, Target>,
    report: &mut RecoveryReport,
) -> Result<LogAnswer, crate::protocol::LogFailure> {
    match entry {
        Ok(Entry::Unfinished(commit)) => {
            let named: BranchSet = commit.branches.iter().map(|logged| logged.branch).collect();
            *targets = commit
                .branches
                .iter()
                .map(|logged| {
                    let target = Target {
                        name: logged.participant.clone(),
                        participant: shared.participant(&logged.participant).cloned(),
                        receipt: logged.receipt.clone(),
                        acknowledged: false,
                    };
                    (logged.branch, target)
                })
                .collect();
            Ok(LogAnswer::Commit(named))
        }
        Ok(Entry::Finished) => {
            // The list of prepared branches was read before the last of them ended; or one has
            // come back, as after a failover.
            for target in targets.values_mut() {
                target.acknowledged = true;
            }
            Ok(LogAnswer::Finished)
        }
        Ok(Entry::Absent | Entry::Expired) => Ok(LogAnswer::Absent),
        Err(error) => {
            report.unreached.push(error.to_string());
            Err(log_failure(&error))
        }
    }
}

async fn tell<'b, L, C: Clock>(
    shared: &Shared<L, C>,
    branch: BranchGid,
    target: &'b Target,
    decision: Decision,
    silent: &BTreeSet<&str>,
) -> ((BranchGid, &'b Target), Result<Ending, Lost>) {
    let limit = shared.deadlines.finish;
    let ended = match &target.participant {
        None => Err(Lost::new("it is not registered with this coordinator: add it to the builder")),
        // One that hangs must cost a sweep one deadline, not one for each of its branches.
        Some(_) if silent.contains(&*target.name) => {
            Err(Lost::new("it could not be listed in this sweep"))
        }
        Some(participant) => {
            within(&shared.clock, limit, participant.resolve(&branch, decision, &target.receipt))
                .await
                .unwrap_or_else(|| Err(Lost::new(format!("nothing came within {limit:?}"))))
        }
    };
    ((branch, target), ended)
}

fn note<L, C>(
    shared: &Shared<L, C>,
    report: &mut RecoveryReport,
    (branch, target): (BranchGid, &Target),
    ended: Result<Ending, Lost>,
    decision: Decision,
) -> RecoveryInput {
    let id = branch.branch;
    let ending = match ended {
        Ok(ending) => ending,
        Err(lost) => {
            tracing::warn!(participant = %target.name, ?decision, %lost, "left to a later sweep");
            report.unreached.push(format!("{branch} at {}: {lost}", target.name));
            return RecoveryInput::FinishLost(id);
        }
    };
    let ending = match ending {
        Ending::Untold if target.acknowledged => Ending::Earlier,
        ending => ending,
    };
    match (shared.report(&branch.gid, &target.name, decision, ending), decision) {
        (Some(heuristic), _) => report.heuristic.push(heuristic),
        (None, Decision::Commit) => report.committed.push(branch),
        (None, Decision::Abort) => report.aborted.push(branch),
    }
    RecoveryInput::Finished(id, ending)
}
