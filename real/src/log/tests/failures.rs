//! Writes that fail, and forces that are dropped: what the log says of them afterwards.

use super::*;

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
        let options = Options { remembered: 1, ranges: 0, ..Options::default() };
        let log = FileLog::open(disk.clone(), coordinator(), options).await.unwrap();
        log.has_ended(&gid(1, u64::MAX));
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
        assert_eq!(log.read(&gid(1, 1)).await.unwrap(), Entry::Finished);
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
