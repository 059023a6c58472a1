//! A participant, whose every question about a branch is written down with what came of it.
//!
//! It stands between a coordinator and whatever is a participant to it, so no kind of participant
//! has to know of the history. Begins and scans are not written down, for no claim is about them.

use std::ops::Deref;

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};

use super::Witness;
use crate::history::{Ask, Event, Heard, Tx, VoteKind};

/// A participant, attended.
#[derive(Clone)]
pub struct Attended<P> {
    p: u8,
    participant: P,
    witness: Witness,
    /// Nothing but its answer says how a branch has voted that is not prepared.
    votes_here: bool,
}

/// A branch of one. What its own branch can do, it can.
pub struct AttendedBranch<B> {
    gid: BranchGid,
    branch: B,
}

impl<P: Participant> Attended<P> {
    /// The participant of this number, at the edges of this process.
    pub const fn new(p: u8, participant: P, witness: Witness) -> Self {
        Self { p, participant, witness, votes_here: false }
    }

    /// The same of one at whose database nobody sees a branch vote read-only or no: such votes are
    /// given where they are answered, and written down there.
    pub fn votes_here(mut self, votes_here: bool) -> Self {
        self.votes_here = votes_here;
        self
    }

    /// A vote that leaves nothing at the database.
    fn votes(&self, gid: &BranchGid, vote: VoteKind) {
        if self.votes_here {
            self.witness.record(Event::Voted { tx: Tx::of(&gid.gid), p: self.p, vote });
        }
    }

    async fn asks<T>(
        &self,
        gid: &BranchGid,
        ask: Ask,
        answer: impl Future<Output = Result<T, Lost>>,
        heard: impl FnOnce(&T) -> Heard,
    ) -> Result<T, Lost> {
        self.witness.asks(gid, self.p, ask, answer, heard).await
    }
}

impl<B> Deref for AttendedBranch<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.branch
    }
}

impl<P: Participant> Participant for Attended<P> {
    type Branch = AttendedBranch<P::Branch>;

    fn name(&self) -> &str {
        self.participant.name()
    }

    async fn begin(&self, gid: &BranchGid) -> Result<Self::Branch, BeginError> {
        let branch = self.participant.begin(gid).await?;
        Ok(AttendedBranch { gid: gid.clone(), branch })
    }

    async fn prepare(&self, branch: &Self::Branch) -> Result<Vote, Lost> {
        let vote = async {
            let vote = self.participant.prepare(&branch.branch).await?;
            match &vote {
                Vote::ReadOnly => self.votes(&branch.gid, VoteKind::ReadOnly),
                Vote::No(_) => self.votes(&branch.gid, VoteKind::No),
                Vote::Yes(_) => {}
            }
            Ok(vote)
        };
        self.asks(&branch.gid, Ask::Prepare, vote, Heard::vote).await
    }

    async fn commit_one_phase(&self, branch: &Self::Branch) -> Result<OnePhaseVote, Lost> {
        let vote = async {
            let vote = self.participant.commit_one_phase(&branch.branch).await?;
            if let OnePhaseVote::RolledBack(_) = &vote {
                self.votes(&branch.gid, VoteKind::No);
            }
            Ok(vote)
        };
        self.asks(&branch.gid, Ask::OnePhase, vote, Heard::vote_alone).await
    }

    async fn inquire(&self, branch: &Self::Branch) -> Result<OnePhase, Lost> {
        let end = self.participant.inquire(&branch.branch);
        self.asks(&branch.gid, Ask::Inquire, end, |end| Heard::alone(*end)).await
    }

    async fn finish(&self, branch: &Self::Branch, decision: Decision) -> Result<Ending, Lost> {
        let ending = self.participant.finish(&branch.branch, decision);
        self.asks(&branch.gid, Ask::to(decision), ending, |ending| Heard::end(*ending)).await
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        let ending = self.participant.resolve(gid, decision, receipt);
        self.asks(gid, Ask::to_recover(decision), ending, |ending| Heard::end(*ending)).await
    }

    fn in_doubt(
        &self,
        owner: &CoordinatorId,
    ) -> impl Future<Output = Result<Vec<BranchGid>, Lost>> + Send {
        self.participant.in_doubt(owner)
    }
}
