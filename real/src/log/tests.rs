//! The log's promises, on a directory in memory and on a real one.

use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::{join_all, poll_immediate};
use indoubt::{Commit, DecisionLog, Entry, ForceError, LogError, LoggedBranch};

use super::memory::Memory;
use super::samples::{coordinator, decision, gid};
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
fn after_a_failed_write_or_sync_a_read_is_definite() {
    block_on(async {
        for fail in [
            |disk: &Memory| disk.state().failing_syncs = 1,
            |disk: &Memory| disk.state().failing_appends = 1,
        ] {
            let disk = Memory::default();
            let log = open(&disk).await;
            log.force(&decision(1, 1)).await.unwrap();
            fail(&disk);
            assert!(matches!(log.force(&decision(1, 2)).await, Err(ForceError::Unknown { .. })));
            assert_eq!(log.read(&gid(1, 2)).await.unwrap(), Entry::Absent);
            log.force(&decision(1, 3)).await.unwrap();
            drop(log);
            // In the files, too.
            let found = open(&disk).await.unfinished().await.unwrap();
            assert_eq!(found, [decision(1, 1), decision(1, 3)]);
        }
    });
}

/// However many commits have been finished and forgotten meanwhile.
#[test]
fn a_failed_force_is_absent_and_never_expired() {
    block_on(async {
        let disk = Memory::default();
        let options = Options { remembered: 1, ..Options::default() };
        let log = FileLog::open(disk.clone(), coordinator(), options).await.unwrap();
        for sequence in 2..=4 {
            log.force(&decision(1, sequence)).await.unwrap();
            log.forget(&gid(1, sequence)).await.unwrap();
        }
        assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Expired);
        disk.state().failing_syncs = 1;
        assert!(matches!(log.force(&decision(1, 1)).await, Err(ForceError::Unknown { .. })));
        assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Absent);
        assert_eq!(log.read(&gid(1, 3)).await.unwrap(), Entry::Expired);
        // Written, though nobody could look for a successor: then it is what any commit is.
        disk.state().failing_lists = 1;
        assert!(matches!(log.force(&decision(1, 1)).await, Err(ForceError::Unknown { .. })));
        assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Unfinished(decision(1, 1)));
        log.forget(&gid(1, 1)).await.unwrap();
        assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Expired);
    });
}

#[test]
fn while_a_failed_write_is_not_repaired_there_is_no_answer() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        disk.state().failing_syncs = 3;
        for _ in 0..2 {
            assert!(matches!(log.force(&decision(1, 1)).await, Err(ForceError::Unknown { .. })));
        }
        assert!(matches!(log.read(&gid(1, 1)).await, Err(LogError::Unreadable { .. })));
        // What a process killed now leaves behind may hold the decision: nobody was told.
        assert_eq!(
            open(&disk.copy()).await.read(&gid(1, 1)).await.unwrap(),
            Entry::Unfinished(decision(1, 1))
        );
        assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Absent);
        assert_eq!(open(&disk.copy()).await.read(&gid(1, 1)).await.unwrap(), Entry::Absent);
    });
}

#[test]
fn a_successor_that_read_the_failed_record_wins_over_the_repair() {
    block_on(async {
        let disk = Memory::default();
        let old = open(&disk).await;
        disk.state().failing_syncs = 1;
        assert!(matches!(old.force(&decision(1, 1)).await, Err(ForceError::Unknown { .. })));
        disk.break_lock();
        let new = open(&disk).await;
        assert_eq!(old.read(&gid(1, 1)).await, Err(LogError::Fenced { epoch: 1 }));
        assert_eq!(new.read(&gid(1, 1)).await.unwrap(), Entry::Unfinished(decision(1, 1)));
        drop((old, new));
        assert_eq!(
            open(&disk).await.read(&gid(1, 1)).await.unwrap(),
            Entry::Unfinished(decision(1, 1))
        );
    });
}

#[test]
fn a_force_that_could_not_look_for_a_successor_is_unknown_and_then_found() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        disk.state().failing_lists = 1;
        assert!(matches!(log.force(&decision(1, 1)).await, Err(ForceError::Unknown { .. })));
        assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Unfinished(decision(1, 1)));
    });
}

#[test]
fn a_force_dropped_at_any_point_is_settled_by_the_next_read() {
    block_on(async {
        let mut seen = [false; 2];
        for polls in 0..4 {
            let disk = Memory::default();
            let log = open(&disk).await;
            let (first, second) = (decision(1, 1), decision(1, 2));
            {
                let mut leader = pin!(log.force(&first).fuse());
                let mut follower = pin!(log.force(&second).fuse());
                for _ in 0..polls {
                    let _ = poll_immediate(leader.as_mut()).await;
                    let _ = poll_immediate(follower.as_mut()).await;
                }
            }
            let mut found = log.unfinished().await.unwrap();
            seen[usize::from(found.is_empty())] = true;
            // Nothing of it lands later, in the company of another.
            log.force(&decision(1, 3)).await.unwrap();
            found.push(decision(1, 3));
            assert_eq!(log.unfinished().await.unwrap(), found, "dropped after {polls} polls");
            let reopened = open(&disk.copy()).await;
            assert_eq!(reopened.unfinished().await.unwrap(), found, "dropped after {polls} polls");
        }
        assert_eq!(seen, [true, true]);
    });
}

#[test]
fn a_force_that_writes_for_others_and_is_dropped_costs_them_nothing() {
    block_on(async {
        let mut dropped_while_writing = false;
        for polls in 1..8 {
            let disk = Memory::default();
            let log = open(&disk).await;
            let (one, two, three) = (decision(1, 1), decision(1, 2), decision(1, 3));
            let mut first = pin!(log.force(&one).fuse());
            let mut second = Box::pin(log.force(&two).fuse());
            let mut third = pin!(log.force(&three).fuse());
            let (mut ended, mut writing) = ([None, None], false);
            for _ in 0..polls {
                ended[0] = ended[0].take().or(poll_immediate(first.as_mut()).await);
                writing = poll_immediate(second.as_mut()).await.is_none() && ended[0].is_some();
                ended[1] = ended[1].take().or(poll_immediate(third.as_mut()).await);
            }
            // Once the first is done, the second writes for itself and for the third.
            dropped_while_writing |= writing && ended[1].is_none();
            drop(second);
            for (ended, rest) in ended.into_iter().zip([first, third]) {
                let ended = match ended {
                    Some(ended) => ended,
                    None => rest.await,
                };
                assert_eq!(ended, Ok(()), "dropped after {polls} polls");
            }
            let found = log.unfinished().await.unwrap();
            assert!(found.contains(&one) && found.contains(&three), "dropped after {polls} polls");
        }
        assert!(dropped_while_writing);
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
        let options = Options { remembered: 10, compact_from_bytes: 4096, compact_ratio: 2 };
        let log = FileLog::open(disk.clone(), coordinator(), options).await.unwrap();
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
fn forgets_do_not_wait_for_a_force_for_ever() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        for sequence in 1..=1000 {
            log.forget(&gid(1, sequence)).await.unwrap();
        }
        drop(log);
        assert_eq!(open(&disk).await.read(&gid(1, 700)).await.unwrap(), Entry::Finished);
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

#[test]
fn a_real_directory_keeps_what_was_decided() {
    let path = std::env::temp_dir().join(format!("indoubt-log-{}", std::process::id()));
    let open = || FileLog::open(Directory::new(&path).unwrap(), coordinator(), Options::default());
    block_on(async {
        let log = open().await.unwrap();
        assert!(matches!(open().await, Err(OpenError::AlreadyOpen)));
        let decisions: Vec<_> = (1..=100).map(|sequence| decision(1, sequence)).collect();
        for result in join_all(decisions.iter().map(|commit| log.force(commit))).await {
            result.unwrap();
        }
        drop(log);
        let log = open().await.unwrap();
        assert_eq!(log.epoch(), 2);
        assert_eq!(log.unfinished().await.unwrap(), decisions);
    });
    std::fs::remove_dir_all(&path).unwrap();
}
