//! Whose a gid is: two logs under one id, and copies of one log.

use indoubt::Origin;

use super::*;

#[test]
fn a_second_log_under_the_same_id_knows_none_of_the_first_ones_gids() {
    block_on(async {
        let (one, other) = (Memory::default(), Memory::default());
        other.state().draws = 1_000;
        let (one, other) = (open(&one).await, open(&other).await);
        let foreign = Gid { lineage: one.lineage(), ..gid(1, 1) };
        assert_eq!(one.origin(&foreign), Origin::Own);
        assert_eq!(other.origin(&foreign), Origin::OtherLog);
        // Never absent, which would mean aborted.
        assert!(matches!(other.read(&foreign).await, Err(LogError::Unreadable { .. })));
        assert!(matches!(other.forget(&foreign).await, Err(LogError::Unreadable { .. })));
        let commit = Arc::new(Commit { gid: foreign, branches: vec![] });
        assert!(matches!(other.force(&commit).await, Err(ForceError::Unknown { .. })));
    });
}

#[test]
fn a_log_restored_from_a_copy_knows_which_openings_it_never_saw() {
    block_on(async {
        let disk = Memory::default();
        drop(open(&disk).await);
        let copy = disk.copy();
        copy.state().draws += 1_000;
        // Lost after the copy was taken: epochs 2 and 3.
        let second = open(&disk).await;
        let lost = Gid { lineage: second.lineage(), ..gid(2, 1) };
        drop(second);
        let third = open(&disk).await;
        let later = Gid { lineage: third.lineage(), ..gid(3, 1) };

        let restored = open(&copy).await;
        assert_eq!(restored.epoch(), 2);
        assert_ne!(restored.lineage(), lost.lineage);
        assert_eq!(restored.origin(&lost), Origin::OtherOpening);
        assert_eq!(restored.origin(&later), Origin::Newer);
        assert_eq!(restored.origin(&gid(1, 1)), Origin::Own);
        assert!(matches!(restored.read(&lost).await, Err(LogError::Unreadable { .. })));
    });
}

#[test]
fn what_an_opening_drew_survives_openings_and_compactions() {
    block_on(async {
        let disk = Memory::default();
        let options = Options { compact_from_bytes: 1, ..Options::default() };
        for epoch in 1..=4 {
            let log = FileLog::open(disk.clone(), coordinator(), options.clone()).await.unwrap();
            assert_eq!(log.lineage(), lineage(epoch));
            log.force(&decision(epoch, 1)).await.unwrap();
            for earlier in 1..=epoch {
                assert_eq!(log.origin(&gid(earlier, 1)), Origin::Own);
                let read = log.read(&gid(earlier, 1)).await.unwrap();
                assert_eq!(read, Entry::Unfinished(decision(earlier, 1)));
            }
        }
    });
}
