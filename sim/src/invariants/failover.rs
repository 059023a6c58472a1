//! What a failover takes back.
//!
//! A standby that has not received everything brings its participant back to an earlier moment. A
//! branch that was prepared then, and has ended since, is prepared once more, and has to end as it
//! did: all claims go on being asked of it. A branch of which the standby knows nothing is lost, as
//! documented, and so counts as one that never was.

use std::collections::BTreeMap;

use super::facts::TxFacts;
use super::known::{Outcomes, Participants};
use crate::history::Tx;

/// What is known of each transaction at one participant.
#[derive(Debug, Default)]
pub(super) struct Standby(BTreeMap<Tx, AtStandby>);

/// At the participant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct AtStandby {
    yes: Participants,
    outcomes: Outcomes,
}

impl Standby {
    /// As everything is now.
    pub(super) fn of(txs: &BTreeMap<Tx, TxFacts>, at: Participants) -> Self {
        Self(txs.iter().map(|(tx, facts)| (*tx, AtStandby::of(facts, at))).collect())
    }

    /// Takes back what has happened to the transaction since.
    pub(super) fn take_back(&self, tx: Tx, facts: &mut TxFacts, at: Participants) {
        let before = self.0.get(&tx).copied().unwrap_or_default();
        if before == AtStandby::of(facts, at) {
            return;
        }
        let known = &mut facts.known;
        known.back |= known.outcomes.ended() & at & before.yes & !before.outcomes.ended();
        // What was reported of it was true.
        known.untold |= known.outcomes.by_operator() & at;
        known.yes = known.yes & !at | before.yes;
        known.outcomes = merged(known.outcomes.without(at), before.outcomes);
        if before == AtStandby::default() {
            known.enlisted &= !at;
            known.untold |= at;
            facts.lost |= at;
        }
    }
}

impl AtStandby {
    fn of(facts: &TxFacts, at: Participants) -> Self {
        let outcomes = facts.known.outcomes;
        Self { yes: facts.known.yes & at, outcomes: outcomes.without(!at) }
    }
}

const fn merged(one: Outcomes, other: Outcomes) -> Outcomes {
    Outcomes {
        committed: one.committed | other.committed,
        one_phase: one.one_phase | other.one_phase,
        rolled_back: one.rolled_back | other.rolled_back,
        read_only: one.read_only | other.read_only,
        gone: one.gone | other.gone,
        operator_committed: one.operator_committed | other.operator_committed,
        operator_rolled_back: one.operator_rolled_back | other.operator_rolled_back,
    }
}
