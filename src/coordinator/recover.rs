//! Recovery of one transaction within a sweep: the pump between its machine and the world.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::commit::log_failure;
use super::driven::Driven;
use super::gate::{Gates, Order};
use super::live::Stage;
use super::report::{RecoveryReport, Stranded, Unreached, Why};
use super::shared::Shared;
use crate::gid::Gid;
use crate::log::{Entry, LogError, Origin};
use crate::participant::{Lost, Receipt};
use crate::protocol::{
    BranchId, BranchSet, Decision, Ending, LogAnswer, LogFailure, Ownership, RecoveryEffect,
    RecoveryEffects, RecoveryInput, RecoveryMachine,
};

/// Where branches were found prepared, as numbers of participants. One database that is
/// registered under two roles lists a branch twice, and only one of them may be able to end it.
pub(super) type Found = BTreeMap<BranchId, Vec<usize>>;

/// Why a transaction is left alone that is live and that nobody drives.
const ABANDONED: &str = "the coordinator's driver has ended while it was at work on it: open the \
                         decision log anew, which recovers it";

/// A transaction that recovery has taken up.
pub(super) struct Suspect<'a> {
    shared: &'a Shared,
    gid: Gid,
    machine: RecoveryMachine,
    effects: RecoveryEffects,
    targets: BTreeMap<BranchId, Target>,
    report: RecoveryReport,
}

/// A branch to be told the decision.
struct Target {
    /// The participant that it is at, as the report names it.
    name: Arc<str>,
    /// Whom to tell, the likeliest first.
    at: Vec<usize>,
    receipt: Receipt,
    /// It has acknowledged the decision before, or an operator has seen to it, so its silence on
    /// how it ended means nothing.
    acknowledged: bool,
}

impl<'a> Suspect<'a> {
    /// Asks whether it is live (A), and then the log (T): what is to become of it.
    pub(super) async fn judge(shared: &'a Shared, gid: Gid, found: Found) -> Self {
        let ours = shared.log.origin(&gid) == Origin::Own;
        let whose = if ours { Ownership::Ours } else { Ownership::Foreign };
        let machine = RecoveryMachine::new(whose, found.keys().copied().collect());
        let targets = found.into_iter().filter_map(|(branch, at)| {
            let name = shared.participants[*at.first()?].name().into();
            Some((branch, Target { name, at, receipt: Receipt::none(), acknowledged: false }))
        });
        let targets = targets.collect();
        let (effects, report) = (RecoveryEffects::new(), RecoveryReport::default());
        let mut suspect = Self { shared, gid, machine, effects, targets, report };
        suspect.give(RecoveryInput::Start);
        // Each question is answered before the next effect.
        while let Some(question) = suspect.question() {
            if question == RecoveryEffect::AskLive {
                let stage = shared.live.stage(&suspect.gid);
                suspect.is_live(stage);
                suspect.give(RecoveryInput::Live(stage.is_some()));
            } else {
                let entry = shared.read(&suspect.gid).await;
                let answer = suspect.read(entry);
                suspect.give(RecoveryInput::LogRead(answer));
            }
        }
        suspect
    }

    /// What is live is its driver's business; if that has ended, nobody's.
    fn is_live(&mut self, stage: Option<Stage>) {
        let at_work = matches!(stage, Some(Stage::Undecided | Stage::Aborting));
        if !at_work || self.shared.driven.now() != Driven::NoMore {
            return;
        }
        let unreached = &mut self.report.unreached;
        for (branch, target) in &self.targets {
            unreached.push(Unreached {
                participant: Some(target.name.to_string()),
                branch: Some(self.gid.branch(*branch)),
                reason: ABANDONED.to_owned(),
            });
        }
        if self.targets.is_empty() {
            let reason = format!("it owes {}, and {ABANDONED}", self.gid);
            unreached.push(Unreached { participant: None, branch: None, reason });
        }
    }

    fn question(&mut self) -> Option<RecoveryEffect> {
        let asks =
            matches!(self.effects.first(), Some(RecoveryEffect::AskLive | RecoveryEffect::ReadLog));
        if asks { self.effects.pop_at(0) } else { None }
    }

    fn give(&mut self, input: RecoveryInput) {
        tracing::trace!(gid = %self.gid, ?input, "recovery");
        self.machine.handle(input, &mut self.effects);
    }

    /// Tells its branches what was decided, and forgets what has ended everywhere.
    pub(super) async fn tell(mut self, gates: &Gates<'_>) -> RecoveryReport {
        while let Some(effect) = self.effects.pop_at(0) {
            match effect {
                RecoveryEffect::Finish(set, decision) => {
                    let (gid, targets) = (self.gid.clone(), std::mem::take(&mut self.targets));
                    let mut telling: FuturesUnordered<_> = targets
                        .iter()
                        .filter(|(branch, _)| set.contains(**branch))
                        .map(|(branch, target)| tell(gates, &gid, *branch, target, decision))
                        .collect();
                    while let Some((branch, ended)) = telling.next().await {
                        let input = self.heard(branch, &targets[&branch], ended, decision);
                        self.give(input);
                    }
                }
                RecoveryEffect::Forget => {
                    if let Err(error) = self.shared.forget(&self.gid).await {
                        tracing::warn!(gid = %self.gid, %error, "the finished commit could not be noted");
                    }
                }
                RecoveryEffect::AskLive | RecoveryEffect::ReadLog | RecoveryEffect::Done => {}
            }
        }
        self.report
    }

    /// The log's answer for the machine. A decision names its branches, also those that were
    /// not found prepared.
    fn read(&mut self, entry: Result<Entry, LogError>) -> Result<LogAnswer, LogFailure> {
        match entry {
            Ok(Entry::Unfinished(commit)) => {
                for logged in &commit.branches {
                    self.is_named(logged.branch, &logged.participant, &logged.receipt);
                }
                let named: BranchSet = commit.branches.iter().map(|one| one.branch).collect();
                self.targets.retain(|branch, _| named.contains(*branch));
                Ok(LogAnswer::Commit(named))
            }
            Ok(Entry::Finished) => {
                // The list of prepared branches was read before the last of them ended; or one has
                // come back, as after a failover.
                for target in self.targets.values_mut() {
                    target.acknowledged = true;
                }
                Ok(LogAnswer::Finished)
            }
            Ok(Entry::Absent) => Ok(LogAnswer::Absent),
            Ok(Entry::Expired) => {
                for (branch, target) in &self.targets {
                    self.report.stranded.push(Stranded {
                        branch: self.gid.branch(*branch),
                        participant: target.name.to_string(),
                        why: Why::Expired,
                    });
                }
                Ok(LogAnswer::Expired)
            }
            Err(error) => {
                self.report.unreached.push(Unreached::log(&error));
                Err(log_failure(&error))
            }
        }
    }

    /// The decision names a branch at this participant: it comes before whoever else lists it.
    fn is_named(&mut self, branch: BranchId, name: &Arc<str>, receipt: &Receipt) {
        let acknowledged = self.shared.alarms.is_acknowledged(&self.gid);
        let mut at: Vec<usize> = self.shared.position(name).into_iter().collect();
        if let Some(found) = self.targets.remove(&branch) {
            at.extend(found.at.into_iter().filter(|one| Some(*one) != self.shared.position(name)));
        }
        let (name, receipt) = (name.clone(), receipt.clone());
        self.targets.insert(branch, Target { name, at, receipt, acknowledged });
    }

    fn heard(
        &mut self,
        branch: BranchId,
        target: &Target,
        ended: Result<Ending, Lost>,
        decision: Decision,
    ) -> RecoveryInput {
        let gid = self.gid.branch(branch);
        let ending = match ended {
            Ok(Ending::Untold) if target.acknowledged => Ending::Earlier,
            Ok(ending) => ending,
            Err(lost) => {
                tracing::debug!(branch = %gid, participant = %target.name, ?decision, %lost, "left to a later sweep");
                let participant = Some(target.name.to_string());
                let reason = lost.reason().to_owned();
                let unreached = Unreached { participant, branch: Some(gid), reason };
                self.report.unreached.push(unreached);
                return RecoveryInput::FinishLost(branch);
            }
        };
        tracing::debug!(branch = %gid, participant = %target.name, ?decision, ?ending, "recovered");
        match (self.shared.alarms.ended(&gid, &target.name, decision, ending), ending, decision) {
            (Some(heuristic), ..) => self.report.heuristic.push(heuristic),
            (None, Ending::AsDecided, Decision::Commit) => self.report.committed.push(gid),
            (None, Ending::AsDecided, Decision::Abort) => self.report.aborted.push(gid),
            // It had ended before: nothing was done.
            (None, Ending::Earlier | Ending::Heuristic | Ending::Untold, _) => {}
        }
        RecoveryInput::Finished(branch, ending)
    }
}

async fn tell(
    gates: &Gates<'_>,
    gid: &Gid,
    branch: BranchId,
    target: &Target,
    decision: Decision,
) -> (BranchId, Result<Ending, Lost>) {
    let mut failure = None;
    for at in &target.at {
        let receipt = target.receipt.clone();
        match gates.tell(*at, Order { branch: gid.branch(branch), decision, receipt }).await {
            Ok(ending) => return (branch, Ok(ending)),
            Err(lost) => failure = failure.or(Some(lost)),
        }
    }
    let unregistered =
        || Lost::new("it is not registered with this coordinator: add it to the builder");
    (branch, Err(failure.unwrap_or_else(unregistered)))
}
