//! A participant of one's own, and what the harness has to say of it.
//!
//! It is a mailbox: a branch puts letters into it, and they are there once the transaction has
//! committed. It is written as if it ran where it is called. The harness gives it a seat at a simulated
//! node, with a disk that loses what was not forced, puts a network before it that loses and repeats
//! what is said, and takes its power away.
//!
//! It has a flaw: it votes yes before it has made the letters last. `cargo run --example
//! flawed_participant` shows how that is found. Swap the two lines of `prepare` and it holds.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};
use indoubt_sim::harness::Harness;
use indoubt_sim::hosting::{Hosted, Journal, Seat, Teller};
use indoubt_sim::parts::{WorkRefused, Works};
use indoubt_sim::workload::{GaveUp, Job, Workload};
use serde::{Deserialize, Serialize};

/// What has to last, in the order in which it happened.
#[derive(Clone, Serialize, Deserialize)]
enum Record {
    Prepared { gid: String, letters: Vec<String> },
    Ended { gid: String, committed: bool },
}

/// What those records come to.
#[derive(Default)]
struct Contents {
    prepared: BTreeMap<String, Vec<String>>,
    ended: BTreeMap<String, bool>,
    letters: Vec<String>,
}

/// A participant is a cheap handle: clones are the same mailbox.
#[derive(Clone)]
struct Mailbox {
    name: Arc<str>,
    contents: Arc<Mutex<Contents>>,
    journal: Journal<Record>,
    teller: Teller,
}

/// An open branch: nothing of it lasts. Dropping it is its rollback.
struct Envelope {
    gid: BranchGid,
    letters: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mailbox {
    /// Forces a record to the disk, and then has it happen.
    async fn keep(&self, record: Record) -> Result<(), Lost> {
        self.journal.write(&record).await.map_err(|error| Lost::new(error.to_string()))?;
        self.apply(record);
        Ok(())
    }

    /// Has a record happen, and tells the harness what is durable: at once, and at each opening.
    fn apply(&self, record: Record) {
        let mut contents = lock(&self.contents);
        match record {
            Record::Prepared { gid, letters } => {
                self.teller.prepared(&gid.parse().expect("a gid that was given to us"));
                contents.prepared.insert(gid, letters);
            }
            Record::Ended { gid, committed } => {
                let decision = if committed { Decision::Commit } else { Decision::Abort };
                self.teller.ended(&gid.parse().expect("a gid that was given to us"), decision);
                let letters = contents.prepared.remove(&gid).unwrap_or_default();
                contents.letters.extend(letters.into_iter().filter(|_| committed));
                contents.ended.insert(gid, committed);
            }
        }
    }
}

impl Participant for Mailbox {
    type Branch = Envelope;

    fn name(&self) -> &str {
        &self.name
    }

    async fn begin(&self, gid: &BranchGid) -> Result<Envelope, BeginError> {
        Ok(Envelope { gid: gid.clone(), letters: Mutex::default() })
    }

    async fn prepare(&self, branch: &Envelope) -> Result<Vote, Lost> {
        let (gid, letters) = (branch.gid.to_string(), lock(&branch.letters).clone());
        if letters.is_empty() {
            return Ok(Vote::ReadOnly);
        }
        let record = Record::Prepared { gid, letters };
        // The flaw: it is so before it lasts. `self.keep(record).await?` is what it takes.
        self.apply(record);
        Ok(Vote::Yes(Receipt::none()))
    }

    async fn commit_one_phase(&self, branch: &Envelope) -> Result<OnePhaseVote, Lost> {
        if let Vote::Yes(_) = self.prepare(branch).await? {
            self.finish(branch, Decision::Commit).await?;
        }
        Ok(OnePhaseVote::Committed)
    }

    async fn inquire(&self, branch: &Envelope) -> Result<OnePhase, Lost> {
        let committed = lock(&self.contents).ended.get(&branch.gid.to_string()) == Some(&true);
        Ok(if committed { OnePhase::Committed } else { OnePhase::RolledBack })
    }

    async fn finish(&self, branch: &Envelope, decision: Decision) -> Result<Ending, Lost> {
        self.resolve(&branch.gid, decision, &Receipt::none()).await
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        _: &Receipt,
    ) -> Result<Ending, Lost> {
        let (gid, committed) = (gid.to_string(), decision == Decision::Commit);
        let before = {
            let contents = lock(&self.contents);
            (contents.prepared.contains_key(&gid), contents.ended.get(&gid).copied())
        };
        Ok(match before {
            (true, _) => {
                self.keep(Record::Ended { gid, committed }).await?;
                Ending::AsDecided
            }
            (false, Some(ended)) if ended != committed => Ending::Heuristic,
            (false, None) if committed => Ending::Untold,
            (false, _) => Ending::Earlier,
        })
    }

    async fn in_doubt(&self, owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        let contents = lock(&self.contents);
        let gids = contents.prepared.keys().filter_map(|gid| gid.parse::<BranchGid>().ok());
        Ok(gids.filter(|branch| branch.gid.coordinator == *owner).collect())
    }
}

/// How mailboxes are opened, and how one works at a branch.
#[derive(Clone)]
struct Mailboxes;

impl Hosted for Mailboxes {
    type Participant = Mailbox;
    type Op = String;

    async fn open(&self, seat: Seat) -> io::Result<Mailbox> {
        let (journal, records) = seat.journal()?;
        let (name, contents, teller) = (seat.name().into(), Arc::default(), seat.teller);
        let mailbox = Mailbox { name, contents, journal, teller };
        for record in records {
            mailbox.apply(record);
        }
        Ok(mailbox)
    }

    async fn work(&self, branch: &Envelope, letter: String) -> Result<Option<i64>, WorkRefused> {
        lock(&branch.letters).push(letter);
        Ok(None)
    }
}

/// Each transaction puts a letter into two mailboxes.
#[derive(Clone)]
struct Letters;

impl<P: Participant<Branch: Works<Op = String>>> Workload<P> for Letters {
    async fn transact(&self, job: &Job<'_, P>) -> Result<(), GaveUp> {
        for p in 0..2 {
            job.work(p, format!("letter {}", job.number())).await?;
        }
        Ok(())
    }
}

fn main() {
    let failure = Harness::shipped().host(Mailboxes).workload(Letters).caught().failure;
    assert!(!failure.violations.is_empty());
}
