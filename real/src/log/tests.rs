//! The log's promises, on a directory in memory and on a real one.

mod directory;
mod dropped;
mod failures;
mod identity;
mod readers;

use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::{join_all, poll_immediate};
use indoubt::{Commit, DecisionLog, Entry, ForceError, Gid, LogError, LoggedBranch};

use super::memory::{Memory, pause};
use super::samples::{coordinator, decision, gid, lineage};
use super::{Directory, FileLog, OpenError, Options};

async fn open(disk: &Memory) -> FileLog<Memory> {
    FileLog::open(disk.clone(), coordinator(), Options::default()).await.unwrap()
}

async fn refusal(disk: &Memory) -> OpenError {
    FileLog::open(disk.clone(), coordinator(), Options::default()).await.unwrap_err()
}

/// A closed log of epoch 1 with three decisions, each in a batch of its own.
async fn three_decisions() -> Memory {
    let disk = Memory::default();
    let log = open(&disk).await;
    for sequence in 1..=3 {
        log.force(&decision(1, sequence)).await.unwrap();
    }
    disk
}

#[test]
fn what_was_decided_is_found_after_reopening() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        assert_eq!(log.epoch(), 1);
        assert_eq!(log.unfinished().await.unwrap(), []);
        for sequence in 1..=3 {
            log.force(&decision(1, sequence)).await.unwrap();
        }
        log.forget(&gid(1, 2)).await.unwrap();
        log.forget(&gid(1, 9)).await.unwrap();
        log.flush().await.unwrap();
        drop(log);

        let log = open(&disk).await;
        assert_eq!(log.epoch(), 2);
        assert_eq!(log.unfinished().await.unwrap(), [decision(1, 1), decision(1, 3)]);
        assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Unfinished(decision(1, 1)));
        assert_eq!(log.read(&gid(1, 2)).await.unwrap(), Entry::Finished);
        assert_eq!(log.read(&gid(1, 4)).await.unwrap(), Entry::Absent);
        assert_eq!(log.read(&gid(1, 9)).await.unwrap(), Entry::Finished);
        assert_eq!(disk.names(), ["decisions.2"]);
    });
}

#[test]
fn a_second_opening_is_told_to_wait() {
    block_on(async {
        let disk = Memory::default();
        let _first = open(&disk).await;
        assert!(matches!(refusal(&disk).await, OpenError::AlreadyOpen));
    });
}

#[test]
fn a_log_belongs_to_one_coordinator() {
    block_on(async {
        let disk = three_decisions().await;
        let other = "warehouse".parse().unwrap();
        let error = FileLog::open(disk.clone(), other, Options::default()).await.unwrap_err();
        assert!(matches!(error, OpenError::WrongCoordinator { .. }), "{error}");
        assert_eq!(disk.names(), ["decisions.1"]);
        assert_eq!(open(&disk).await.unfinished().await.unwrap().len(), 3);
    });
}

#[test]
fn without_the_lock_a_newer_opening_still_fences() {
    block_on(async {
        let disk = Memory::default();
        let old = open(&disk).await;
        old.force(&decision(1, 1)).await.unwrap();
        disk.break_lock();
        let new = open(&disk).await;
        assert_eq!(old.force(&decision(1, 2)).await, Err(ForceError::Fenced { epoch: 1 }));
        assert_eq!(old.read(&gid(1, 1)).await, Err(LogError::Fenced { epoch: 1 }));
        assert_eq!(old.forget(&gid(1, 1)).await, Err(LogError::Fenced { epoch: 1 }));
        new.force(&decision(2, 1)).await.unwrap();
        assert_eq!(new.unfinished().await.unwrap(), [decision(1, 1), decision(2, 1)]);
    });
}

#[test]
fn a_read_sees_the_newer_opening_too() {
    block_on(async {
        let disk = Memory::default();
        let old = open(&disk).await;
        disk.break_lock();
        let _new = open(&disk).await;
        assert_eq!(old.unfinished().await, Err(LogError::Fenced { epoch: 1 }));
    });
}

#[test]
fn one_sync_serves_all_forces_that_wait() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        let before = disk.state().syncs;
        let decisions: Vec<_> = (1..=50).map(|sequence| decision(1, sequence)).collect();
        for result in join_all(decisions.iter().map(|commit| log.force(commit))).await {
            result.unwrap();
        }
        // One by the first, and one by the second for all others.
        assert_eq!(disk.state().syncs - before, 2);
        assert_eq!(log.unfinished().await.unwrap(), decisions);
    });
}

#[test]
fn a_removed_file_is_noticed_and_brought_back() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        log.force(&decision(1, 1)).await.unwrap();
        disk.delete("decisions.1");
        assert!(matches!(log.force(&decision(1, 2)).await, Err(ForceError::Unknown { .. })));
        assert_eq!(log.read(&gid(1, 2)).await.unwrap(), Entry::Unfinished(decision(1, 2)));
        assert_eq!(open(&disk.copy()).await.unfinished().await.unwrap().len(), 2);
    });
}

#[test]
fn a_file_cut_at_any_byte_opens_with_a_prefix_or_is_refused() {
    block_on(async {
        let disk = three_decisions().await;
        let bytes = disk.content("decisions.1");
        let mut found_most = 0;
        for cut in 0..bytes.len() {
            let torn = Memory::default();
            torn.put("decisions.1", bytes[..cut].to_vec());
            match FileLog::open(torn.clone(), coordinator(), Options::default()).await {
                Ok(log) => {
                    let found = log.unfinished().await.unwrap();
                    let sequences: Vec<_> =
                        found.iter().map(|commit| commit.gid.sequence).collect();
                    assert_eq!(
                        sequences,
                        (1..=found.len() as u64).collect::<Vec<_>>(),
                        "cut at {cut}"
                    );
                    found_most = found_most.max(found.len());
                }
                Err(error) => {
                    assert!(matches!(error, OpenError::Incomplete { .. }), "{error}");
                    assert_eq!(found_most, 0, "refused at {cut} after a shorter file was taken");
                }
            }
        }
        assert_eq!(found_most, 2);
    });
}

#[test]
fn a_file_with_any_flipped_bit_is_refused() {
    block_on(async {
        let disk = three_decisions().await;
        let bytes = disk.content("decisions.1");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let damaged = Memory::default();
            damaged.put("decisions.1", flipped);
            let error = refusal(&damaged).await;
            assert!(matches!(error, OpenError::Corrupt { .. }), "bit {bit}: {error}");
            assert_eq!(damaged.names(), ["decisions.1"]);
        }
    });
}

#[test]
fn files_that_are_missing_are_not_an_empty_log() {
    block_on(async {
        let disk = three_decisions().await;
        // An opening that got no further than its epoch, and the older file lost.
        disk.delete("decisions.1");
        disk.put("decisions.2", Vec::new());
        let error = refusal(&disk).await;
        assert!(
            matches!(&error, OpenError::Incomplete { file } if file == "decisions.2"),
            "{error}"
        );
    });
}

#[test]
fn an_opening_that_got_no_further_than_its_epoch_is_passed_over() {
    block_on(async {
        let disk = three_decisions().await;
        disk.put("decisions.2", b"not a whole snapsh".to_vec());
        disk.put("decisions.1.tmp0", b"stray".to_vec());
        let log = open(&disk).await;
        assert_eq!(log.epoch(), 3);
        assert_eq!(log.unfinished().await.unwrap().len(), 3);
        assert_eq!(disk.names(), ["decisions.3"]);
    });
}

#[test]
fn an_opening_that_fails_can_be_repeated() {
    block_on(async {
        let disk = three_decisions().await;
        for failing in 0..4 {
            disk.state().failing_creates = u64::from(failing == 0);
            disk.state().failing_appends = u64::from(failing == 1);
            disk.state().failing_syncs = u64::from(failing == 2);
            disk.state().failing_lists = u64::from(failing == 3);
            assert!(matches!(refusal(&disk).await, OpenError::Io { .. }));
        }
        assert_eq!(open(&disk).await.unfinished().await.unwrap().len(), 3);
    });
}

#[test]
fn a_log_of_many_finished_commits_stays_small() {
    block_on(async {
        let disk = Memory::default();
        let options =
            Options { remembered: 10, ranges: 0, compact_from_bytes: 4096, compact_ratio: 2 };
        let log = FileLog::open(disk.clone(), coordinator(), options).await.unwrap();
        log.has_ended(&gid(1, u64::MAX));
        for sequence in 1..=1000 {
            log.force(&decision(1, sequence)).await.unwrap();
            log.forget(&gid(1, sequence)).await.unwrap();
            assert!(disk.content("decisions.1").len() < 4096 + 200);
        }
        drop(log);
        let log = open(&disk).await;
        assert_eq!(log.read(&gid(1, 999)).await.unwrap(), Entry::Finished);
        assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Expired);
        // Its forget waited for a force that did not come.
        assert_eq!(log.unfinished().await.unwrap(), [decision(1, 1000)]);
    });
}

#[test]
fn of_a_gid_that_it_cannot_know_a_log_says_nothing() {
    block_on(async {
        let log = open(&Memory::default()).await;
        assert!(matches!(log.read(&gid(2, 1)).await, Err(LogError::Unreadable { .. })));
        let foreign = indoubt::Gid { coordinator: "warehouse".parse().unwrap(), ..gid(1, 1) };
        assert!(matches!(log.read(&foreign).await, Err(LogError::Unreadable { .. })));
        assert!(matches!(log.forget(&foreign).await, Err(LogError::Unreadable { .. })));
        let commit = Arc::new(Commit { gid: foreign, branches: vec![] });
        assert!(matches!(log.force(&commit).await, Err(ForceError::Unknown { .. })));
        assert_eq!(log.unfinished().await.unwrap(), []);
    });
}

#[test]
fn a_name_that_could_not_be_read_back_is_not_written() {
    block_on(async {
        let log = open(&Memory::default()).await;
        let branches = vec![LoggedBranch {
            participant: "p".repeat(1025).into(),
            ..decision(1, 1).branches[0].clone()
        }];
        let commit = Arc::new(Commit { gid: gid(1, 1), branches });
        assert!(matches!(log.force(&commit).await, Err(ForceError::Unknown { .. })));
        assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Absent);
    });
}
