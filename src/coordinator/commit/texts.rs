//! What the machine does not carry of why things went as they did: the texts for the client's
//! answer.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::calls::silence;
use super::super::transaction::{Enlisted, Missing};
use crate::gid::Gid;
use crate::outcome::{AbortReason, Aborted, Committed, Heuristic, InDoubt, Outcome};
use crate::participant::Refusal;
use crate::protocol::{Answer, BranchId, BranchSet, Cause, Obstacle};

/// Kept until the client is answered. Of what never came to pass a text is empty.
#[derive(Default)]
pub(super) struct Texts {
    /// Why participants did not answer.
    pub(super) reasons: BTreeMap<BranchId, String>,
    /// Why branches have rolled back.
    pub(super) refusals: BTreeMap<BranchId, Refusal>,
    pub(super) heuristics: BTreeMap<BranchId, Heuristic>,
    /// What the log said last of why it could not.
    pub(super) log: String,
    /// The branch that the client wanted and did not get.
    pub(super) missing: Missing,
}

impl Texts {
    /// The answer in the client's words. `patience` is how long it has waited for the log, if that
    /// has not said anything.
    pub(super) fn outcome(
        &self,
        gid: Gid,
        answer: Answer,
        branches: &[Enlisted],
        patience: Duration,
    ) -> Outcome {
        let names = |set: BranchSet| branches.iter().filter(move |branch| set.contains(branch.id));
        let heuristic = |set: BranchSet| {
            set.iter().filter_map(|id| self.heuristics.get(&id).cloned()).collect()
        };
        match answer {
            Answer::Committed { pending, heuristic: set } => Outcome::Committed(Committed {
                gid,
                pending: names(pending).map(|branch| branch.participant.to_string()).collect(),
                heuristic: heuristic(set),
            }),
            Answer::Aborted { cause, heuristic: set } => Outcome::Aborted(Aborted {
                gid,
                reason: self.abort_reason(cause, branches),
                heuristic: heuristic(set),
            }),
            Answer::InDoubt => {
                Outcome::InDoubt(InDoubt { gid, reason: self.doubt(branches, patience) })
            }
        }
    }

    fn abort_reason(&self, cause: Cause, branches: &[Enlisted]) -> AbortReason {
        let name = |id| {
            branches
                .iter()
                .find(|branch| branch.id == id)
                .map_or_else(String::new, |branch| branch.participant.to_string())
        };
        match cause {
            Cause::Requested => AbortReason::Requested,
            Cause::Refused(Obstacle::Fenced) => AbortReason::Fenced,
            Cause::Refused(Obstacle::LogBroken) | Cause::NotLogged => {
                AbortReason::NotLogged { reason: self.log.clone() }
            }
            Cause::Refused(Obstacle::Incomplete) => {
                let Missing { participant, reason, retryable } = self.missing.clone();
                AbortReason::Incomplete { participant, reason, retryable }
            }
            Cause::VotedNo(id) => {
                let refusal = self.refusals.get(&id).cloned().unwrap_or_else(|| "".into());
                AbortReason::VotedNo { participant: name(id), refusal }
            }
            Cause::VoteLost(id) => {
                let reason = self.reasons.get(&id).cloned().unwrap_or_default();
                AbortReason::VoteLost { participant: name(id), reason }
            }
        }
    }

    fn doubt(&self, branches: &[Enlisted], patience: Duration) -> String {
        let at_branches = branches.iter().filter_map(|branch| {
            self.reasons.get(&branch.id).map(|reason| format!("{}: {reason}", branch.participant))
        });
        let of_the_log = Some(self.log.clone()).filter(|reason| !reason.is_empty());
        let known: Vec<_> = at_branches.chain(of_the_log).collect();
        if known.is_empty() {
            format!("{} from the decision log", silence(patience))
        } else {
            known.join("; ")
        }
    }
}
