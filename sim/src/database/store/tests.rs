//! Row locks: who is refused, who waits, and in which order they are served.

use futures::FutureExt;

use super::*;
use crate::parts::{LockCounts, LockWaits};

const ROW: u64 = 7;
const NOW: Duration = Duration::ZERO;
const ADD: Op = Op::Add { key: ROW, delta: 1 };

fn gid(sequence: u64) -> BranchGid {
    format!("indoubt:sim:0123456789abcdef:1:{sequence}:0").parse().expect("a gid")
}

/// A store with so many sessions.
fn sessions(count: u64) -> (Store, LockWaits, Vec<Xid>) {
    let waits = LockWaits::new(Duration::from_secs(1));
    let mut store = Store::new(Locks::new(0, waits.clone()));
    let xids = (1..=count).map(|sequence| store.begin(gid(sequence), NOW)).collect();
    (store, waits, xids)
}

fn done(worked: Worked) -> Result<Option<i64>, WorkRefused> {
    let Worked::Done(result) = worked else { panic!("{worked:?}, and not done") };
    result
}

fn waiting(worked: Worked) -> oneshot::Receiver<()> {
    let Worked::Waits(granted) = worked else { panic!("{worked:?}, and not waiting") };
    granted
}

#[test]
fn who_does_not_wait_is_refused_at_once() {
    let (mut store, waits, xids) = sessions(2);
    assert_eq!(done(store.work(xids[0], 1, ADD, (NOW, false))), Ok(Some(1)));
    assert_eq!(done(store.work(xids[1], 1, ADD, (NOW, false))), Err(WorkRefused::Locked));
    assert_eq!(waits.counts(), LockCounts::default());
}

#[test]
fn waiters_are_served_in_order_also_behind_a_prepared_branch() {
    let (mut store, waits, xids) = sessions(3);
    done(store.work(xids[0], 1, ADD, (NOW, true))).expect("nobody has it");
    let second = waiting(store.work(xids[2], 1, ADD, (NOW, true)));
    let mut third = waiting(store.work(xids[1], 1, ADD, (NOW, true)));
    assert!(matches!(store.work(xids[2], 1, ADD, (NOW, true)), Worked::AtWork), "a copy");
    let (gid, writes) = (gid(1).to_string(), Writes::from([(ROW, 1)]));
    store.apply(&Record::Prepared { xid: xids[0], gid: gid.clone(), writes });
    assert!(!store.sessions[&xids[2]].can_commit());
    store.apply(&Record::Ended { gid, committed: true, by: EndedBy::Coordinator });
    assert_eq!(second.now_or_never(), Some(Ok(())));
    assert_eq!((&mut third).now_or_never(), None);
    assert_eq!(done(store.work(xids[2], 1, ADD, (NOW, false))), Ok(Some(2)));
    // Writes it, and ends: what it had passes on.
    let (gid, writes) = ("three".to_owned(), Writes::from([(ROW, 2)]));
    store.apply(&Record::OnePhase { xid: xids[2], gid, writes });
    assert_eq!(third.now_or_never(), Some(Ok(())));
    assert_eq!(done(store.work(xids[1], 1, ADD, (NOW, false))), Ok(Some(3)));
    assert_eq!(waits.counts(), LockCounts { waits: 2, ..LockCounts::default() });
}

#[test]
fn a_wait_that_takes_too_long_is_refused_and_leaves_the_queue() {
    let (mut store, waits, xids) = sessions(3);
    done(store.work(xids[0], 1, ADD, (NOW, true))).expect("nobody has it");
    let _late = waiting(store.work(xids[1], 1, ADD, (NOW, true)));
    let next = waiting(store.work(xids[2], 1, ADD, (NOW, true)));
    assert_eq!(done(store.work(xids[1], 1, ADD, (NOW, false))), Err(WorkRefused::Locked));
    assert_eq!(waits.counts(), LockCounts { waits: 2, timeouts: 1, deadlocks: 0 });
    store.roll_back_session(xids[0]);
    assert_eq!(next.now_or_never(), Some(Ok(())));
}

#[test]
fn a_session_that_ends_waits_no_more_and_what_it_was_handed_passes_on() {
    let (mut store, _, xids) = sessions(4);
    done(store.work(xids[0], 1, ADD, (NOW, true))).expect("nobody has it");
    let dropped = waiting(store.work(xids[1], 1, ADD, (NOW, true)));
    let handed = waiting(store.work(xids[2], 1, ADD, (NOW, true)));
    let last = waiting(store.work(xids[3], 1, ADD, (NOW, true)));
    store.roll_back_session(xids[1]);
    assert_eq!(dropped.now_or_never(), Some(Err(oneshot::Canceled)));
    let gone = done(store.work(xids[1], 1, ADD, (NOW, false)));
    assert_eq!(gone, Err(WorkRefused::NoSession));
    store.roll_back_session(xids[0]);
    assert_eq!(handed.now_or_never(), Some(Ok(())));
    store.roll_back_session(xids[2]);
    assert_eq!(last.now_or_never(), Some(Ok(())));
    store.roll_back_session(xids[3]);
    assert_eq!(store.locked_rows(), 0);
}

#[test]
fn a_crash_ends_all_waits() {
    let (mut store, waits, xids) = sessions(2);
    done(store.work(xids[0], 1, ADD, (NOW, true))).expect("nobody has it");
    let wait = waiting(store.work(xids[1], 1, ADD, (NOW, true)));
    drop(store);
    assert_eq!(wait.now_or_never(), Some(Err(oneshot::Canceled)));
    // Of those that are gone nobody is in a circle.
    waits.begins(1, Tx { epoch: 1, sequence: 1 }, Some(Tx { epoch: 1, sequence: 2 }));
    assert_eq!(waits.counts().deadlocks, 0);
}
