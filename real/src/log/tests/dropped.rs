//! Calls that are dropped, at each of their awaits: no file is written anew for them, and what
//! they were writing is ended by whoever comes next.

use std::future::Future;

use super::*;

/// More than any call here takes.
const POLLS: usize = 24;

/// Polls a call so often and drops it. Whether it had ended.
async fn drop_after<T>(polls: usize, call: impl Future<Output = T>) -> bool {
    let mut call = pin!(call);
    for _ in 0..polls {
        if poll_immediate(call.as_mut()).await.is_some() {
            return true;
        }
    }
    false
}

/// What the storage has seen of files made and renamed.
fn files_made(disk: &Memory) -> (u64, u64) {
    let state = disk.state();
    (state.creates, state.renames)
}

async fn slow(options: Options) -> (Memory, FileLog<Memory>) {
    let disk = Memory::default();
    let log = FileLog::open(disk.clone(), coordinator(), options).await.unwrap();
    disk.state().slow = true;
    (disk, log)
}

#[test]
fn a_listing_that_is_dropped_while_it_writes_notes_costs_no_rewrite() {
    block_on(async {
        let (mut dropped, mut ended) = (0, 0);
        for polls in 0..POLLS {
            let (disk, log) = slow(Options::default()).await;
            for sequence in 1..=300 {
                log.forget(&gid(1, sequence)).await.unwrap();
            }
            let before = (files_made(&disk), disk.state().syncs);
            let whole = drop_after(polls, log.unfinished()).await;
            *(if whole { &mut ended } else { &mut dropped }) += 1;
            log.force(&decision(1, 1000)).await.unwrap();
            assert_eq!(log.read(&gid(1, 7)).await.unwrap(), Entry::Finished);
            assert_eq!(log.unfinished().await.unwrap(), [decision(1, 1000)]);
            assert_eq!(files_made(&disk), before.0, "dropped after {polls} polls");
            // Its own sync and the force's, as when nothing is dropped.
            assert!(disk.state().syncs - before.1 <= 2, "dropped after {polls} polls");
            let reopened = open(&disk.copy()).await;
            assert_eq!(reopened.read(&gid(1, 7)).await.unwrap(), Entry::Finished);
            assert_eq!(reopened.unfinished().await.unwrap(), [decision(1, 1000)]);
        }
        assert!(dropped >= 4 && ended > 0, "{dropped} dropped, {ended} ended");
    });
}

#[test]
fn a_flush_that_is_dropped_costs_no_rewrite() {
    block_on(async {
        for polls in 0..POLLS {
            let (disk, log) = slow(Options::default()).await;
            log.forget(&gid(1, 7)).await.unwrap();
            let before = files_made(&disk);
            drop_after(polls, log.flush()).await;
            log.flush().await.unwrap();
            assert_eq!(files_made(&disk), before, "dropped after {polls} polls");
            drop(log);
            disk.state().slow = false;
            assert_eq!(open(&disk).await.read(&gid(1, 7)).await.unwrap(), Entry::Finished);
        }
    });
}

#[test]
fn a_force_that_is_dropped_costs_no_rewrite_and_is_settled_by_a_read() {
    block_on(async {
        let mut seen = [false; 2];
        for polls in 0..POLLS {
            let (disk, log) = slow(Options::default()).await;
            let before = files_made(&disk);
            drop_after(polls, log.force(&decision(1, 1))).await;
            let landed = log.read(&gid(1, 1)).await.unwrap();
            seen[usize::from(landed == Entry::Absent)] = true;
            log.force(&decision(1, 2)).await.unwrap();
            assert_eq!(files_made(&disk), before, "dropped after {polls} polls");
            for log in [&open(&disk.copy()).await, &log] {
                assert_eq!(log.read(&gid(1, 1)).await.unwrap(), landed);
                assert_eq!(log.read(&gid(1, 2)).await.unwrap(), Entry::Unfinished(decision(1, 2)));
            }
        }
        assert_eq!(seen, [true, true]);
    });
}

#[test]
fn a_read_that_is_dropped_while_it_repairs_does_not_have_it_repeated() {
    block_on(async {
        for polls in 0..POLLS {
            let (disk, log) = slow(Options::default()).await;
            disk.state().failing_syncs = 1;
            assert!(log.force(&decision(1, 1)).await.is_err());
            let (creates, renames) = files_made(&disk);
            drop_after(polls, log.read(&gid(1, 1))).await;
            assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Absent);
            log.force(&decision(1, 2)).await.unwrap();
            assert_eq!(files_made(&disk), (creates + 1, renames + 1), "after {polls} polls");
            let reopened = open(&disk.copy()).await;
            assert_eq!(reopened.unfinished().await.unwrap(), [decision(1, 2)]);
        }
    });
}

#[test]
fn a_force_that_is_dropped_while_it_compacts_does_not_have_it_repeated() {
    block_on(async {
        for polls in 0..POLLS {
            let options = Options { remembered: 1, ranges: 0, ..Options::default() };
            let (disk, mut log) = slow(options).await;
            for sequence in 1..=40 {
                log.forget(&gid(1, sequence)).await.unwrap();
                log.flush().await.unwrap();
            }
            // From now on the file has grown too long.
            Arc::get_mut(&mut log.core).unwrap().options.compact_from_bytes = 1;
            let (creates, renames) = files_made(&disk);
            drop_after(polls, log.force(&decision(1, 1000))).await;
            log.force(&decision(1, 1001)).await.unwrap();
            let made = files_made(&disk);
            assert_eq!(made.0 - creates, made.1 - renames, "a file given up after {polls} polls");
            assert_eq!(made.0 - creates, 1, "rewritten twice after {polls} polls");
            let reopened = open(&disk.copy()).await;
            let found = reopened.read(&gid(1, 1001)).await.unwrap();
            assert_eq!(found, Entry::Unfinished(decision(1, 1001)));
        }
    });
}

#[test]
fn a_log_that_is_dropped_in_the_middle_of_a_turn_releases_the_directory() {
    block_on(async {
        let (disk, log) = slow(Options::default()).await;
        assert!(!drop_after(2, log.force(&decision(1, 1))).await);
        drop(log);
        open(&disk).await;
    });
}
