//! What every participant owes, asked of the ledger of the tests, and of participants that lack it.

#[allow(dead_code, reason = "not every test uses all of it")]
mod ledger;

use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::suite::{Breach, Failed, Subject, check};
use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};
use ledger::{Ledger, Page};

/// A ledger's lines have no locks, and its power is the process's.
struct OnPaper(Ledger);

impl Subject for OnPaper {
    type Participant = Ledger;

    fn participant(&self) -> Ledger {
        self.0.clone()
    }

    fn owner(&self) -> CoordinatorId {
        "on-paper".parse().expect("a valid id")
    }

    async fn write(&self, page: &Page, key: u32) -> Result<(), Failed> {
        page.write(&key.to_string());
        Ok(())
    }

    async fn spoil(&self, page: &Page, _: u32) -> Result<(), Failed> {
        page.write("nonsense");
        Ok(())
    }

    async fn has(&self, key: u32) -> Result<bool, Failed> {
        Ok(self.0.entries().contains(&key.to_string()))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[tokio::test]
async fn a_ledger_keeps_what_a_participant_owes() -> Result<()> {
    let report = check(&OnPaper(Ledger::named("ledger"))).await?;
    // It has no power of its own to lose, and is asked for everything else.
    ensure!(report.left_out.len() == 3, "{report}");
    ensure!(report.kept.len() == 15, "{report}");
    Ok(())
}

/// What a participant can lack.
#[derive(Clone, Copy)]
enum Lack {
    /// A list has one too few.
    Listed,
    /// A commit of what is not there is taken for one that was there.
    Evidence,
    /// What read only is said to have voted no.
    Votes,
    /// A rolled back branch is told to be committed when it is asked to commit.
    OtherEnd,
}

#[derive(Clone)]
struct Lacking(Ledger, Lack);

impl Participant for Lacking {
    type Branch = Page;

    fn name(&self) -> &str {
        self.0.name()
    }

    async fn begin(&self, gid: &BranchGid) -> Result<Page, BeginError> {
        self.0.begin(gid).await
    }

    async fn prepare(&self, page: &Page) -> Result<Vote, Lost> {
        match self.0.prepare(page).await? {
            Vote::ReadOnly if matches!(self.1, Lack::Votes) => Ok(Vote::No("it is empty".into())),
            vote => Ok(vote),
        }
    }

    async fn commit_one_phase(&self, page: &Page) -> Result<OnePhaseVote, Lost> {
        self.0.commit_one_phase(page).await
    }

    async fn inquire(&self, page: &Page) -> Result<OnePhase, Lost> {
        self.0.inquire(page).await
    }

    async fn finish(&self, page: &Page, decision: Decision) -> Result<Ending, Lost> {
        self.0.finish(page, decision).await
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        match (self.1, self.0.resolve(gid, decision, receipt).await?) {
            (Lack::Evidence, Ending::Untold) | (Lack::OtherEnd, Ending::Heuristic) => {
                Ok(Ending::Earlier)
            }
            (_, ending) => Ok(ending),
        }
    }

    async fn in_doubt(&self, owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        let mut gids = self.0.in_doubt(owner).await?;
        if matches!(self.1, Lack::Listed) && gids.len() > 1 {
            gids.pop();
        }
        Ok(gids)
    }
}

impl Subject for Lacking {
    type Participant = Self;

    fn participant(&self) -> Self {
        self.clone()
    }

    fn owner(&self) -> CoordinatorId {
        "lacking".parse().expect("a valid id")
    }

    async fn write(&self, page: &Page, key: u32) -> Result<(), Failed> {
        OnPaper(self.0.clone()).write(page, key).await
    }

    async fn spoil(&self, page: &Page, key: u32) -> Result<(), Failed> {
        OnPaper(self.0.clone()).spoil(page, key).await
    }

    async fn has(&self, key: u32) -> Result<bool, Failed> {
        OnPaper(self.0.clone()).has(key).await
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[tokio::test]
async fn what_a_participant_lacks_is_named() -> Result<()> {
    for (lack, obligation) in [
        (Lack::Listed, "all of one's own are listed"),
        (Lack::Evidence, "an unknown gid"),
        (Lack::Votes, "what only read holds nothing"),
        (Lack::OtherEnd, "the other end is not taken for it"),
    ] {
        let checked = check(&Lacking(Ledger::named("ledger"), lack)).await;
        let Err(Breach { obligation: broken, what }) = checked else {
            anyhow::bail!("nobody missed: {obligation}")
        };
        ensure!(broken == obligation, "{broken}: {what}");
    }
    Ok(())
}
