//! What an operator is told, and that it is told once.
//!
//! An alarm that repeats itself at every sweep is switched off, and one that is swallowed is
//! never seen. So a heuristic ending is an alarm once in a process's life, and again after a
//! restart if it is still there; what cannot be reached is a warning once while it lasts.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::report::{RecoveryReport, Stranded, Why};
use crate::gid::{BranchGid, Gid};
use crate::outcome::Heuristic;
use crate::protocol::{Decision, Ending};

pub(super) struct Alarms {
    on_heuristic: Box<dyn Fn(&Heuristic) + Send + Sync>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    heuristics: BTreeSet<(BranchGid, Ending)>,
    /// Branches that cannot say how they ended, for whose decision the log must be kept.
    untold: BTreeSet<BranchGid>,
    /// Transactions whose untold branches an operator has seen to.
    acknowledged: BTreeSet<Gid>,
    /// What could not be reached when it was last tried.
    unreached: BTreeSet<String>,
}

impl Alarms {
    pub(super) fn new(on_heuristic: Box<dyn Fn(&Heuristic) + Send + Sync>) -> Self {
        Self { on_heuristic, told: Mutex::default() }
    }

    /// What an ending that is not as decided amounts to. Never swallowed: it is the operator
    /// who must mend it.
    pub(super) fn ended(
        &self,
        branch: &BranchGid,
        participant: &str,
        decision: Decision,
        ending: Ending,
    ) -> Option<Heuristic> {
        if ending.is_as_decided() {
            return None;
        }
        let gid = branch.gid.clone();
        let heuristic = Heuristic { gid, participant: participant.to_owned(), ending };
        let news = {
            let mut told = self.told();
            if ending == Ending::Untold {
                told.untold.insert(branch.clone());
            }
            told.heuristics.insert((branch.clone(), ending))
        };
        if news {
            tracing::error!(%branch, participant, ?decision, "{heuristic}");
            // The alarm is the user's code, and its panic must not end the driver.
            if catch_unwind(AssertUnwindSafe(|| (self.on_heuristic)(&heuristic))).is_err() {
                tracing::error!(%branch, "on_heuristic panicked: the alarm may not have gone out");
            }
        }
        Some(heuristic)
    }

    /// Whether a branch of the transaction is known to be gone without a trace.
    pub(super) fn is_untold(&self, gid: &Gid) -> bool {
        self.told().untold.iter().any(|branch| branch.gid == *gid)
    }

    /// An operator has seen to the transaction's untold branches.
    pub(super) fn acknowledge(&self, gid: &Gid) {
        let mut told = self.told();
        told.untold.retain(|branch| branch.gid != *gid);
        told.acknowledged.insert(gid.clone());
    }

    pub(super) fn is_acknowledged(&self, gid: &Gid) -> bool {
        self.told().acknowledged.contains(gid)
    }

    /// Says what a sweep has to say. One that left something out knows nothing of that.
    pub(super) fn swept(&self, report: &RecoveryReport, partial: bool) {
        self.warn_of_unreached(report, partial);
        warn_of_stranded(&report.stranded);
        if report.committed.is_empty() && report.aborted.is_empty() {
            tracing::trace!(%report, "recovery had nothing to do");
        } else {
            tracing::info!(%report, "recovery swept");
        }
    }

    fn warn_of_unreached(&self, report: &RecoveryReport, partial: bool) {
        let mut now: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for one in &report.unreached {
            now.entry(one.place()).or_insert((0, &one.reason)).0 += 1;
        }
        let mut told = self.told();
        for (place, (count, reason)) in &now {
            if told.unreached.insert((*place).to_owned()) {
                tracing::warn!(
                    place,
                    count,
                    reason,
                    "recovery could not reach it; it goes on trying"
                );
            }
        }
        told.unreached.retain(|place| {
            let lasts = partial || now.contains_key(place.as_str());
            if !lasts {
                tracing::info!(place, "recovery reaches it again");
            }
            lasts
        });
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // The sets are valid after every statement, so a panic elsewhere cannot have spoilt them.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At every sweep that sees them: each holds locks, and nobody but an operator will end it.
fn warn_of_stranded(stranded: &[Stranded]) {
    let mut kinds: BTreeMap<(&str, Why), (usize, &Stranded)> = BTreeMap::new();
    for one in stranded {
        kinds.entry((&one.participant, one.why)).or_insert((0, one)).0 += 1;
    }
    for ((participant, _), (count, first)) in kinds {
        tracing::warn!(participant, count, "left alone: {first}");
    }
}
