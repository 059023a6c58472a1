//! All that is known of one transaction at one moment: what the claims are about.
//!
//! Both worlds make one: the explorer of a state, the simulator of a history so far. A set of
//! participants is the bits of a word, so that a claim is a few operations on words. A world
//! that cannot know something leaves it empty, and says so where it makes this.
//!
//! Absent are times, epochs and coordinators: who did something matters to no claim here.

/// Participants, as bits: participant 0 is the lowest.
pub type Participants = u64;

/// The participants of a set, in order.
pub(super) fn each(set: Participants) -> impl Iterator<Item = u8> {
    (0..64).filter(move |p| set >> p & 1 != 0)
}

/// What is known of one transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Where it has a branch.
    pub enlisted: Participants,
    /// Where the branch has durably voted yes; it may have ended since.
    pub yes: Participants,
    /// How its branches have ended.
    pub outcomes: Outcomes,
    /// Where someone else was reported to have ended the branch.
    pub reported: Participants,
    /// Where the participant can no longer tell how the branch ended: to report that someone else
    /// may have ended it is then no false alarm.
    pub untold: Participants,
    /// Where the branch had ended, and is prepared again after a failover.
    pub back: Participants,
    /// The decision, and what the log makes of it.
    pub decision: Decided,
    /// What was claimed to the client, and to those who ask by gid.
    pub told: Claimed,
    /// The answer to the commit, at the moment at which it is given.
    pub answer: Option<Answered>,
    /// What is left of it, if nothing more will happen to it.
    pub left: Left,
    /// Nothing more will happen to it: faults have ended, and recovery has done all it can.
    pub at_rest: bool,
    /// Nothing failed, nothing took too long, and nobody voted no.
    pub undisturbed: bool,
}

/// How branches have ended, durably. No participant is in two of these sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Committed as decided.
    pub committed: Participants,
    /// Committed without a prepare.
    pub one_phase: Participants,
    /// Rolled back after a yes.
    pub rolled_back: Participants,
    /// Ended at the vote, having only read.
    pub read_only: Participants,
    /// Rolled back before a yes, with no trace of it left.
    pub gone: Participants,
    /// Committed by an operator.
    pub operator_committed: Participants,
    /// Rolled back by an operator.
    pub operator_rolled_back: Participants,
}

/// The decision to commit. There is no other: what is not decided is presumed aborted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// It is durable.
    pub durable: bool,
    /// It is on its way to the log, and can still become durable.
    pub may_come: bool,
    /// The log was told that the commit is finished everywhere.
    pub forgotten: bool,
}

/// What was claimed. To be told "in doubt" is to be told nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Committed.
    pub committed: bool,
    /// Aborted.
    pub aborted: bool,
    /// Aborted, by one who asked by gid where all that is known is that the log has no decision.
    /// Of a commit that needed none this claims nothing (see [`Known::needs_no_decision`]).
    pub presumed_aborted: bool,
}

/// An answer to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Committed; or else aborted, or in doubt.
    pub committed: bool,
    /// Where it says that the commit has not been acknowledged.
    pub pending: Participants,
    /// Where it says that someone else ended the branch.
    pub heuristic: Participants,
}

/// What is left when nothing more will happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Where the branch is still open or prepared.
    pub branches: Participants,
    /// The log still owes the decision.
    pub owed: bool,
    /// Those who ask by gid are still told that it is in doubt.
    pub in_doubt: bool,
    /// The client asked to commit and has had no answer.
    pub unanswered: bool,
}

impl Outcomes {
    /// Where the protocol committed.
    pub const fn commits(&self) -> Participants {
        self.committed | self.one_phase
    }

    /// Where someone else ended the branch.
    pub const fn by_operator(&self) -> Participants {
        self.operator_committed | self.operator_rolled_back
    }

    /// Where the branch has ended, however.
    pub const fn ended(&self) -> Participants {
        self.commits() | self.rolled_back | self.read_only | self.gone | self.by_operator()
    }

    /// The same, but for these participants.
    pub const fn without(&self, at: Participants) -> Self {
        Self {
            committed: self.committed & !at,
            one_phase: self.one_phase & !at,
            rolled_back: self.rolled_back & !at,
            read_only: self.read_only & !at,
            gone: self.gone & !at,
            operator_committed: self.operator_committed & !at,
            operator_rolled_back: self.operator_rolled_back & !at,
        }
    }

    /// Where the branch has another outcome than in `other`, or one in only one of them.
    pub const fn unlike(&self, other: &Self) -> Participants {
        (self.committed ^ other.committed)
            | (self.one_phase ^ other.one_phase)
            | (self.rolled_back ^ other.rolled_back)
            | (self.read_only ^ other.read_only)
            | (self.gone ^ other.gone)
            | (self.operator_committed ^ other.operator_committed)
            | (self.operator_rolled_back ^ other.operator_rolled_back)
    }
}

impl Known {
    /// Where the branch is prepared now: it has voted yes and not ended.
    pub const fn prepared(&self) -> Participants {
        self.yes & !self.outcomes.ended()
    }

    /// The same, but for those that had ended before and came back.
    pub const fn unfinished(&self) -> Participants {
        self.prepared() & !self.back
    }

    /// Whether it is committed: a durable decision counts, for it will be carried out.
    pub const fn is_committed(&self) -> bool {
        self.decision.durable || self.outcomes.commits() != 0
    }

    /// Where the branch did not commit: it rolled back; or nothing more will happen, and it has
    /// neither committed, nor only read, nor been ended by an operator.
    pub const fn not_committed(&self) -> Participants {
        let Outcomes { rolled_back, gone, read_only, .. } = self.outcomes;
        let exempt = self.outcomes.commits() | read_only | self.outcomes.by_operator();
        rolled_back | gone | if self.at_rest { self.enlisted & !exempt } else { 0 }
    }

    /// Whether it can commit without a decision: it has one branch, or none that wrote.
    ///
    /// Such a commit is only noted, lazily. So what is presumed of it by gid, once the log can
    /// have lost the note, is no claim, and documented as such ([`indoubt::Status`]).
    pub const fn needs_no_decision(&self) -> bool {
        self.enlisted.is_power_of_two() || self.enlisted & !self.outcomes.read_only == 0
    }
}
