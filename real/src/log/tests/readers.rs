//! Those who ask while others write: they wait for one batch at most, and cost nobody anything.

use futures::future::{join, poll_fn, select_all};

use super::*;

/// Clients that force one decision after the other, and never pause, until told to stop.
async fn traffic(log: &FileLog<Memory>, clients: u64, stop: &std::cell::Cell<bool>) {
    let client = |number: u64| async move {
        let mut sequence = 1_000 * number;
        while !stop.get() {
            sequence += 1;
            log.force(&decision(1, sequence)).await.unwrap();
        }
    };
    futures::future::join_all((1..=clients).map(client)).await;
}

#[test]
fn a_reader_waits_for_no_more_than_two_syncs_however_much_is_forced() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        let stop = std::cell::Cell::new(false);
        let reader = async {
            // Until the traffic is in full swing.
            while disk.state().syncs < 20 {
                pause().await;
            }
            for _ in 0..50 {
                let before = disk.state().syncs;
                assert_eq!(log.read(&gid(1, 999)).await.unwrap(), Entry::Absent);
                let read = disk.state().syncs;
                log.unfinished().await.unwrap();
                let listed = disk.state().syncs;
                assert!(read - before <= 2 && listed - read <= 2, "{before}, {read}, {listed}");
                pause().await;
            }
            stop.set(true);
        };
        join(traffic(&log, 64, &stop), reader).await;
    });
}

#[test]
fn a_reader_that_is_dropped_costs_nobody_anything() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        let stop = std::cell::Cell::new(false);
        let droppers = async {
            for polls in 0..200 {
                // Of a decision that is often on its way to the file just now.
                let asked = gid(1, 1_000 + polls / 4);
                let mut read = log.read(&asked).boxed();
                for _ in 0..polls % 4 {
                    if poll_immediate(&mut read).await.is_some() {
                        break;
                    }
                }
                drop(read);
                pause().await;
            }
            stop.set(true);
        };
        join(traffic(&log, 8, &stop), droppers).await;
        // No file was given up and written anew.
        assert_eq!(disk.state().renames, 1, "only that of the creation");
    });
}

#[test]
fn a_force_that_was_dropped_in_the_queue_never_lands_after_it_was_read_as_absent() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        let (one, two) = (decision(1, 1), decision(1, 2));
        let mut writes = log.force(&one).boxed();
        let mut queued = log.force(&two).boxed();
        assert!(poll_immediate(&mut writes).await.is_none());
        assert!(poll_immediate(&mut queued).await.is_none());
        drop(queued);
        assert_eq!(log.read(&gid(1, 2)).await.unwrap(), Entry::Absent);
        writes.await.unwrap();
        log.force(&decision(1, 3)).await.unwrap();
        assert_eq!(log.unfinished().await.unwrap(), [decision(1, 1), decision(1, 3)]);
    });
}

#[test]
fn a_force_that_was_dropped_while_it_was_written_is_read_as_it_ended() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        let (one, two) = (decision(1, 1), decision(1, 2));
        // One batch with both, written by the first.
        let mut writes = log.force(&one).boxed();
        let mut taken = log.force(&two).boxed();
        let both = poll_fn(|context| {
            let _ = taken.poll_unpin(context);
            std::task::Poll::Ready(writes.poll_unpin(context))
        });
        let _ = both.await;
        drop(taken);
        let (read, ()) = join(log.read(&gid(1, 2)), async { writes.await.unwrap() }).await;
        let landed = log.read(&gid(1, 2)).await.unwrap();
        assert_eq!(read.unwrap(), landed);
    });
}

#[test]
fn forgetting_waits_for_no_disk_however_much_is_held() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        for sequence in 1..=10_000 {
            let forgotten = log.forget(&gid(1, sequence)).now_or_never();
            assert_eq!(forgotten, Some(Ok(())), "it waited");
        }
        let syncs = disk.state().syncs;
        // The next sweep takes them along.
        log.unfinished().await.unwrap();
        assert_eq!(disk.state().syncs, syncs + 1);
        drop(log);
        assert_eq!(open(&disk).await.read(&gid(1, 7)).await.unwrap(), Entry::Finished);
    });
}

#[test]
fn a_broken_file_is_repaired_by_whoever_comes_first() {
    block_on(async {
        let disk = Memory::default();
        let log = open(&disk).await;
        disk.state().failing_syncs = 1;
        assert!(log.force(&decision(1, 1)).await.is_err());
        let asked = gid(1, 1);
        let reads = (0..3).map(|_| log.read(&asked).boxed());
        let (first, _, others) = select_all(reads).await;
        assert_eq!(first.unwrap(), Entry::Absent);
        for other in others {
            assert_eq!(other.await.unwrap(), Entry::Absent);
        }
        log.force(&decision(1, 1)).await.unwrap();
    });
}
