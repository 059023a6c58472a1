//! A decision log of one's own, and what the harness has to say of it.
//!
//! It is the simplest that seems to do: a file for each decision, forced before the answer; a file
//! for each end, so that those who ask later are told. It runs on the same simulated disk as the file
//! log that ships, under the same faults.
//!
//! What it lacks is the fence: an opening that was succeeded by another can still decide. And what it
//! reads it takes for durable, though it may be what a failed sync has left in a cache. `cargo run
//! --example log_of_ones_own` shows which of the two is found first.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use indoubt::protocol::BranchId;
use indoubt::{
    Commit, CoordinatorId, DecisionLog, Entry, ForceError, Gid, Lineage, LogError, LoggedBranch,
    Origin, Receipt,
};
use indoubt_real::log::Storage;
use indoubt_sim::bend::Drive;
use indoubt_sim::harness::Harness;
use indoubt_sim::parts::Logs;
use indoubt_sim::scenario::Scenario;
use serde::{Deserialize, Serialize};

/// One opening of the log.
struct Slips {
    disk: Drive,
    id: CoordinatorId,
    epoch: u64,
    /// By epoch: what was drawn when the log was created, and at each opening.
    openings: BTreeMap<u64, Lineage>,
}

/// What is on a slip: the branches that voted yes, by number, participant and receipt.
#[derive(Serialize, Deserialize)]
struct Slip(Vec<(u8, String, Vec<u8>)>);

fn slip(gid: &Gid) -> String {
    format!("slip.{}.{}", gid.epoch, gid.sequence)
}

fn done(gid: &Gid) -> String {
    format!("done.{}.{}", gid.epoch, gid.sequence)
}

/// The two numbers behind the first word of a file's name.
fn numbers(name: &str, word: &str) -> Option<(u64, u64)> {
    let (one, other) = name.strip_prefix(word)?.strip_prefix('.')?.split_once('.')?;
    Some((one.parse().ok()?, other.parse().ok()?))
}

impl Slips {
    async fn open(disk: Drive, id: CoordinatorId) -> io::Result<Self> {
        let mut openings = BTreeMap::new();
        for name in disk.list().await? {
            if let Some((epoch, drawn)) = numbers(&name, "opening") {
                let half = |shift: u32| u32::try_from(drawn >> shift & u64::from(u32::MAX));
                if let (Ok(log), Ok(opening)) = (half(32), half(0)) {
                    openings.insert(epoch, Lineage { log, opening });
                }
            }
        }
        let (epoch, log) = match openings.last_key_value() {
            Some((last, lineage)) => (last + 1, lineage.log),
            None => (1, disk.draw().await?),
        };
        let opening = disk.draw().await?;
        let drawn = u64::from(log) << 32 | u64::from(opening);
        disk.create(&format!("opening.{epoch}.{drawn}")).await?;
        disk.sync_dir().await?;
        openings.insert(epoch, Lineage { log, opening });
        Ok(Self { disk, id, epoch, openings })
    }

    /// Writes a file and forces it, with its name.
    async fn write(&self, name: &str, bytes: Vec<u8>) -> io::Result<()> {
        let file = self.disk.create(name).await?;
        self.disk.append(&file, bytes).await?;
        self.disk.sync(&file).await?;
        self.disk.sync_dir().await
    }

    async fn decided(&self, gid: &Gid) -> Result<Entry, LogError> {
        match self.disk.read(&slip(gid)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Entry::Absent),
            Err(error) => Err(unreadable(&error)),
            // What is not whole was never forced.
            Ok(bytes) => {
                Ok(serde_json::from_slice(&bytes).map_or(Entry::Absent, |Slip(branches)| {
                    let branches =
                        branches.into_iter().filter_map(|(branch, participant, receipt)| {
                            let (branch, receipt) =
                                (BranchId::new(branch)?, Receipt::new(receipt)?);
                            Some(LoggedBranch { branch, participant: participant.into(), receipt })
                        });
                    let (gid, branches) = (gid.clone(), branches.collect());
                    Entry::Unfinished(Arc::new(Commit { gid, branches }))
                }))
            }
        }
    }
}

fn unreadable(error: &io::Error) -> LogError {
    LogError::Unreadable { reason: error.to_string() }
}

impl DecisionLog for Slips {
    fn coordinator(&self) -> &CoordinatorId {
        &self.id
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn lineage(&self) -> Lineage {
        self.openings[&self.epoch]
    }

    fn origin(&self, gid: &Gid) -> Origin {
        match self.openings.get(&gid.epoch) {
            _ if gid.lineage.log != self.lineage().log => Origin::OtherLog,
            _ if gid.epoch > self.epoch => Origin::Newer,
            Some(lineage) if *lineage == gid.lineage => Origin::Own,
            _ => Origin::OtherOpening,
        }
    }

    async fn force(&self, commit: &Arc<Commit>) -> Result<(), ForceError> {
        let branches = commit.branches.iter().map(|one| {
            (one.branch.index(), one.participant.to_string(), one.receipt.as_bytes().to_vec())
        });
        let unknown = |error: io::Error| ForceError::Unknown { reason: error.to_string() };
        let bytes = serde_json::to_vec(&Slip(branches.collect())).map_err(io::Error::other);
        self.write(&slip(&commit.gid), bytes.map_err(unknown)?).await.map_err(unknown)
    }

    async fn forget(&self, gid: &Gid) -> Result<(), LogError> {
        let noted = self.disk.create(&done(gid)).await.map(drop);
        noted.map_err(|error| unreadable(&error))
    }

    async fn read(&self, gid: &Gid) -> Result<Entry, LogError> {
        match self.disk.read(&done(gid)).await {
            Ok(_) => Ok(Entry::Finished),
            Err(error) if error.kind() == ErrorKind::NotFound => self.decided(gid).await,
            Err(error) => Err(unreadable(&error)),
        }
    }

    async fn unfinished(&self) -> Result<Vec<Arc<Commit>>, LogError> {
        let names = self.disk.list().await.map_err(|error| unreadable(&error))?;
        let mut unfinished = Vec::new();
        for (epoch, sequence) in names.iter().filter_map(|name| numbers(name, "slip")) {
            // Those of a later opening are not this one's.
            let Some(lineage) = self.openings.get(&epoch).copied() else { continue };
            let coordinator = self.id.clone();
            let gid = Gid { coordinator, epoch, sequence, lineage };
            if let Entry::Unfinished(commit) = self.read(&gid).await? {
                unfinished.push(commit);
            }
        }
        unfinished.sort_by(|one, other| one.gid.cmp(&other.gid));
        Ok(unfinished)
    }
}

/// How it is opened.
#[derive(Clone)]
struct InSlips;

impl Logs for InSlips {
    type Log = Slips;

    async fn open(
        &self,
        disk: Drive,
        id: CoordinatorId,
        _: &Scenario,
    ) -> Result<Slips, Box<dyn Error + Send + Sync>> {
        Ok(Slips::open(disk, id).await?)
    }
}

fn main() {
    let failure = Harness::shipped().log(InSlips).caught().failure;
    assert!(!failure.violations.is_empty());
}
