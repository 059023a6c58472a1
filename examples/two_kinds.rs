//! Two kinds of participant in one transaction: a Postgres, and a ledger written here.
//!
//! ```sh
//! cargo run --example two_kinds
//! ```
//!
//! Whatever can prepare a piece of work, so that it can be committed or rolled back later by its
//! gid alone, can take part. A participant of your own implements the eight methods below; what each
//! of them owes is written at [`indoubt::Participant`].
//!
//! This ledger keeps its promises for as long as the process lives, and no longer: a prepared entry
//! is in memory. A ledger for production would have it on disk before it votes yes, and would list
//! it in `in_doubt` after a restart; until then nobody may call it durable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};
use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote, Outcome,
    Participant, Receipt, Vote,
};
use indoubt_real::bench::Bench;

/// A list of lines. A handle is cheap: clones speak of the same ledger.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    entered: Vec<String>,
    /// Voted yes on, and waiting for the decision.
    prepared: BTreeMap<BranchGid, Vec<String>>,
    /// How each branch ended, so that a decision that comes twice is known.
    ended: BTreeMap<BranchGid, Decision>,
}

/// A branch: what a transaction wants to enter. Dropping it leaves no trace, as it must.
struct Page {
    gid: BranchGid,
    lines: Mutex<Vec<String>>,
}

impl Page {
    fn write(&self, line: &str) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Participant for Ledger {
    type Branch = Page;

    fn name(&self) -> &'static str {
        "ledger"
    }

    async fn begin(&self, gid: &BranchGid) -> Result<Page, BeginError> {
        Ok(Page { gid: gid.clone(), lines: Mutex::default() })
    }

    /// The vote. After a yes the lines can be entered, and can be dropped, whatever happens.
    async fn prepare(&self, page: &Page) -> Result<Vote, Lost> {
        let lines = std::mem::take(&mut *page.lines.lock().unwrap_or_else(PoisonError::into_inner));
        if lines.is_empty() {
            return Ok(Vote::ReadOnly);
        }
        if lines.iter().any(String::is_empty) {
            // A no is a vote, and not an error. It has to have ended the branch.
            return Ok(Vote::No("an empty line says nothing: write what was sold".into()));
        }
        self.entries().prepared.insert(page.gid.clone(), lines);
        Ok(Vote::Yes(Receipt::none()))
    }

    /// Asked when it is alone in a transaction: then no decision is needed.
    async fn commit_one_phase(&self, page: &Page) -> Result<OnePhaseVote, Lost> {
        Ok(match self.prepare(page).await? {
            Vote::Yes(_) => {
                self.finish(page, Decision::Commit).await?;
                OnePhaseVote::Committed
            }
            Vote::ReadOnly => OnePhaseVote::Committed,
            Vote::No(refusal) => OnePhaseVote::RolledBack(refusal),
        })
    }

    async fn inquire(&self, page: &Page) -> Result<OnePhase, Lost> {
        Ok(match self.entries().ended.get(&page.gid) {
            Some(Decision::Commit) => OnePhase::Committed,
            Some(Decision::Abort) | None => OnePhase::RolledBack,
        })
    }

    async fn finish(&self, page: &Page, decision: Decision) -> Result<Ending, Lost> {
        self.resolve(&page.gid, decision, &Receipt::none()).await
    }

    /// The decision. It may come more than once, and after a restart it comes by the gid alone.
    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        _: &Receipt,
    ) -> Result<Ending, Lost> {
        let mut entries = self.entries();
        if let Some(lines) = entries.prepared.remove(gid) {
            if decision == Decision::Commit {
                entries.entered.extend(lines);
            }
            entries.ended.insert(gid.clone(), decision);
            return Ok(Ending::AsDecided);
        }
        Ok(match (entries.ended.get(gid), decision) {
            (Some(ended), _) if *ended == decision => Ending::Earlier,
            // What was never prepared has nothing to take back.
            (None, Decision::Abort) => Ending::Earlier,
            // Somebody else ended it the other way, and that is reported as it is.
            (Some(_), _) => Ending::Heuristic,
            (None, Decision::Commit) => Ending::Untold,
        })
    }

    /// For recovery: everything of this coordinator's that waits for a decision, or an error.
    async fn in_doubt(&self, owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        let entries = self.entries();
        let ours = entries.prepared.keys().filter(|branch| branch.gid.coordinator == *owner);
        Ok(ours.cloned().collect())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let bench = Bench::start(["shop"]).await?;
    let [shop] = bench.databases();
    shop.sql("CREATE TABLE sales (item text)").await?;

    let ledger = Ledger::default();
    let running = bench.open_with(|builder| builder.participant(ledger.clone())).await?;
    let [at_shop] = running.participants();

    for (item, line) in [("lamp", "one lamp sold"), ("chair", "")] {
        let transaction = running.coordinator().begin();
        let branch = transaction.branch(at_shop).await?;
        branch.execute("INSERT INTO sales VALUES ($1)", &[&item]).await?;
        transaction.branch(&ledger).await?.write(line);
        match transaction.commit().await {
            Outcome::Committed(_) => println!("{item}: committed in both"),
            Outcome::Aborted(done) => println!("{item}: in neither, {}", done.reason),
            Outcome::InDoubt(tx) => println!("{item}: not known yet, {}", tx.reason),
        }
    }
    running.stop().await?;

    let sales = shop.number("SELECT count(*) FROM sales").await?;
    println!("{sales} sale, entered as {:?}", ledger.entries().entered);
    ensure!(sales == 1 && ledger.entries().entered == ["one lamp sold"], "both, or neither");
    ensure!(bench.prepared().await? == [0] && ledger.entries().prepared.is_empty());
    Ok(())
}
