//! What becomes durable at a hosted participant, told to the history.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use indoubt::{BranchGid, CoordinatorId, Decision};

use crate::history::{Event, Tx, VoteKind};
use crate::lock::lock;
use crate::time::Timed;

/// Who is told what becomes durable. Clones tell the same history.
///
/// Tell it when it is durable, neither before nor later, and again at each opening, in the same
/// order: what has been told before is known. Of what has ended only what is still remembered need be
/// told again; a branch that is told to be prepared and not ended, when it had ended, or that had been
/// prepared and is not told any more, breaks `durability` at once. Branches of other coordinators may
/// be told too.
#[derive(Clone)]
pub struct Teller {
    p: u8,
    owner: CoordinatorId,
    events: Timed,
    /// What has been told since the opening.
    told: Arc<Mutex<Told>>,
    chronicle: Chronicle,
}

/// What has been told in one life.
#[derive(Default)]
struct Told {
    /// Prepared, and not ended.
    prepared: BTreeSet<Tx>,
    /// How often each has ended.
    ended: BTreeMap<Tx, u32>,
}

/// What of a hosted participant is known over all its lives.
#[derive(Clone, Default)]
pub(crate) struct Chronicle(Arc<Mutex<Annals>>);

#[derive(Clone, Default)]
struct Annals {
    prepared: BTreeSet<Tx>,
    /// How often each has ended.
    ended: BTreeMap<Tx, u32>,
    /// Who was last at work on the end of each branch.
    hands: BTreeMap<Tx, By>,
}

/// Who ends a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The process that began it, decided.
    Coordinator,
    /// The same, in one phase.
    Alone,
    Recovery,
    Operator,
}

impl Chronicle {
    /// As much as there is now, and nothing of what is to come.
    pub(crate) fn copy(&self) -> Self {
        let annals = lock(&self.0).clone();
        Self(Arc::new(Mutex::new(annals)))
    }
}

impl Teller {
    pub(crate) fn new(p: u8, owner: CoordinatorId, events: Timed, chronicle: Chronicle) -> Self {
        Self { p, owner, events, told: Arc::default(), chronicle }
    }

    /// A branch is durably prepared.
    pub fn prepared(&self, gid: &BranchGid) {
        let Some(tx) = self.ours(gid) else { return };
        lock(&self.told).prepared.insert(tx);
        if lock(&self.chronicle.0).prepared.insert(tx) {
            self.events.record(Event::Voted { tx, p: self.p, vote: VoteKind::Yes });
        }
    }

    /// A branch that was prepared, or that commits in one phase, has durably ended.
    pub fn ended(&self, gid: &BranchGid, decision: Decision) {
        let Some(tx) = self.ours(gid) else { return };
        let (p, committed) = (self.p, decision == Decision::Commit);
        let times = {
            let mut told = lock(&self.told);
            told.prepared.remove(&tx);
            *told.ended.entry(tx).and_modify(|times| *times += 1).or_insert(1)
        };
        let by = {
            let mut known = lock(&self.chronicle.0);
            let before = known.ended.entry(tx).or_default();
            if times <= *before {
                return;
            }
            *before = times;
            known.hands.get(&tx).copied().unwrap_or(By::Coordinator)
        };
        let (one_phase, by_recovery) = (by == By::Alone, by == By::Recovery);
        self.events.record(match by {
            By::Operator => Event::OperatorEnded { tx, p, committed },
            _ => Event::Ended { tx, p, committed, one_phase, by_recovery },
        });
    }

    /// The participant is opened again, in the same life: what it has told so far is told once more.
    pub(crate) fn opens(&self) {
        *lock(&self.told) = Told::default();
    }

    /// The participant has been opened: what it has told since is what it found.
    pub(crate) fn opened(&self) {
        let prepared = lock(&self.told).prepared.iter().copied().collect();
        self.events.record(Event::Found { p: self.p, prepared });
    }

    /// Its transaction, if it is one of the coordinator under test.
    pub(crate) fn ours(&self, gid: &BranchGid) -> Option<Tx> {
        (gid.gid.coordinator == self.owner).then(|| Tx::of(&gid.gid))
    }

    /// From now on it is this one who ends the branch.
    pub(crate) fn at_work(&self, gid: &BranchGid, by: By) {
        if let Some(tx) = self.ours(gid) {
            lock(&self.chronicle.0).hands.insert(tx, by);
        }
    }

    /// A vote that lasts no longer than its answer.
    pub(crate) fn voted(&self, gid: &BranchGid, vote: VoteKind) {
        if let Some(tx) = self.ours(gid) {
            self.events.record(Event::Voted { tx, p: self.p, vote });
        }
    }
}
