//! Orders and inventory on real Postgres servers: committed together, rolled back together,
//! whatever fails in between. After each, every database and `pg_prepared_xacts` are looked at.

mod shop;

use std::time::Duration;

use anyhow::Result;
use indoubt::{AbortReason, Committed, Outcome, Status};
use indoubt_real::bench::Moment;
use shop::{STOCK, look, order, roll_back_by_hand};

const NAMES: [&str; 2] = ["orders", "inventory"];

#[tokio::test(flavor = "multi_thread")]
async fn committed_together() -> Result<()> {
    let bench = shop::open(NAMES).await?;
    let running = bench.open().await?;
    let transaction = running.coordinator().begin();
    let gid = transaction.gid().clone();
    order(&transaction, running.participants(), 1, 3).await?;
    assert_eq!(look(&bench).await?, (0, vec![STOCK]), "nobody sees it before the commit");
    let outcome = transaction.commit().await;
    assert_eq!(
        outcome,
        Outcome::Committed(Committed { gid: gid.clone(), pending: vec![], heuristic: vec![] })
    );
    assert_eq!(look(&bench).await?, (1, vec![STOCK - 3]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    assert_eq!(running.coordinator().status(&gid).await?, Status::Committed);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_back_together() -> Result<()> {
    let bench = shop::open(NAMES).await?;
    let running = bench.open().await?;
    let too_many = i32::try_from(STOCK)? + 1;

    // More than there is: the database refuses, and the client drops the transaction.
    let transaction = running.coordinator().begin();
    let refused = order(&transaction, running.participants(), 1, too_many).await;
    assert!(refused.is_err());
    drop(transaction);

    // The client changes its mind.
    let transaction = running.coordinator().begin();
    order(&transaction, running.participants(), 2, 1).await?;
    transaction.rollback().await;

    // The client overlooks the refusal and commits all the same: Postgres would answer the
    // prepare with a ROLLBACK that looks like success.
    let transaction = running.coordinator().begin();
    let gid = transaction.gid().clone();
    let refused = order(&transaction, running.participants(), 3, too_many).await;
    assert!(refused.is_err());
    let outcome = transaction.commit().await;
    let Outcome::Aborted(aborted) = outcome else { panic!("{outcome:?}") };
    assert!(
        matches!(&aborted.reason, AbortReason::VotedNo { participant, .. } if participant == "inventory")
    );
    assert_eq!(running.coordinator().status(&gid).await?, Status::PresumedAborted);

    running.settle().await?;
    assert_eq!(look(&bench).await?, (0, vec![STOCK]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_constraint_is_a_vote_of_no() -> Result<()> {
    let bench = shop::open(NAMES).await?;
    let constraint = "ALTER TABLE orders ADD UNIQUE (item) DEFERRABLE INITIALLY DEFERRED; INSERT INTO orders VALUES (1, 'lamp', 0)";
    bench.databases()[0].sql(constraint).await?;
    let running = bench.open().await?;
    let transaction = running.coordinator().begin();
    order(&transaction, running.participants(), 2, 1).await?;
    let outcome = transaction.commit().await;
    let Outcome::Aborted(aborted) = outcome else { panic!("{outcome:?}") };
    assert!(
        matches!(&aborted.reason, AbortReason::VotedNo { participant, .. } if participant == "orders")
    );
    assert_eq!(look(&bench).await?, (1, vec![STOCK]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_between_prepare_and_commit_rolls_both_back() -> Result<()> {
    let bench = shop::open(NAMES).await?;
    let running = bench.open().await?;
    let transaction = running.coordinator().begin();
    order(&transaction, running.participants(), 1, 3).await?;
    running.hold(Moment::Voted).fail("injected");
    let outcome = transaction.commit().await;
    let Outcome::Aborted(aborted) = outcome else { panic!("{outcome:?}") };
    assert!(
        matches!(&aborted.reason, AbortReason::NotLogged { reason } if reason.contains("injected"))
    );
    assert_eq!(look(&bench).await?, (0, vec![STOCK]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_was_written_and_reported_as_failed_commits_both() -> Result<()> {
    let bench = shop::open(NAMES).await?;
    let running = bench.open().await?;
    let transaction = running.coordinator().begin();
    order(&transaction, running.participants(), 1, 3).await?;
    running.hold(Moment::Decided).fail("injected");
    let outcome = transaction.commit().await;
    assert!(outcome.is_committed(), "{outcome:?}");
    assert_eq!(look(&bench).await?, (1, vec![STOCK - 3]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_dies_before_its_decision_is_recovered_to_an_abort() -> Result<()> {
    let bench = shop::open(NAMES).await?;
    let running = bench.open().await?;
    let transaction = running.coordinator().begin();
    let gid = transaction.gid().clone();
    order(&transaction, running.participants(), 1, 3).await?;
    let mut voted = running.hold(Moment::Voted);
    let commit = tokio::spawn(transaction.commit());
    voted.reached().await?;
    assert_eq!(bench.prepared().await?, [1, 1]);
    running.crash().await;
    assert!(matches!(commit.await?, Outcome::InDoubt(_)));

    let running = bench.open().await?;
    let report = running.settle().await?;
    // The driver sweeps at its start too, so either may have done it.
    assert_eq!((report.committed.len(), report.heuristic.len()), (0, 0));
    assert_eq!(look(&bench).await?, (0, vec![STOCK]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    assert_eq!(running.coordinator().status(&gid).await?, Status::PresumedAborted);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_dies_after_its_decision_is_recovered_to_a_commit() -> Result<()> {
    let bench = shop::open(NAMES).await?;
    let running = bench.open().await?;
    let transaction = running.coordinator().begin();
    let gid = transaction.gid().clone();
    order(&transaction, running.participants(), 1, 3).await?;
    let mut decided = running.hold(Moment::Decided);
    let commit = tokio::spawn(transaction.commit());
    decided.reached().await?;
    assert_eq!(bench.prepared().await?, [1, 1]);
    assert_eq!(look(&bench).await?, (0, vec![STOCK]));
    running.crash().await;
    assert!(matches!(commit.await?, Outcome::InDoubt(_)));

    let running = bench.open().await?;
    running.settle().await?;
    assert_eq!(look(&bench).await?, (1, vec![STOCK - 3]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    assert_eq!(running.coordinator().status(&gid).await?, Status::Committed);
    Ok(running.stop().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_killed_between_its_prepare_and_its_commit_commits_when_it_is_back() -> Result<()>
{
    let bench = shop::open(NAMES).await?;
    let running = bench.open().await?;
    let [_, inventory] = bench.databases();
    let transaction = running.coordinator().begin();
    order(&transaction, running.participants(), 1, 3).await?;
    let mut decided = running.hold(Moment::Decided);
    let commit = tokio::spawn(transaction.commit());
    decided.reached().await?;
    inventory.server().kill().await?;
    decided.release();
    let outcome = commit.await?;
    let Outcome::Committed(committed) = outcome else { panic!("{outcome:?}") };
    assert_eq!(committed.pending, ["inventory"]);
    assert_eq!(running.coordinator().status(&committed.gid).await?, Status::Committed);

    inventory.server().restart().await?;
    assert_eq!(bench.prepared().await?, [0, 1]);
    running.settle().await?;
    assert_eq!(look(&bench).await?, (1, vec![STOCK - 3]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_cut_off_before_it_is_told_commits_when_it_is_healed() -> Result<()> {
    let bench = shop::open(NAMES).await?;
    let running = bench.open().await?;
    let [_, inventory] = bench.databases();
    let transaction = running.coordinator().begin();
    order(&transaction, running.participants(), 1, 3).await?;
    let mut decided = running.hold(Moment::Decided);
    let commit = tokio::spawn(transaction.commit());
    decided.reached().await?;
    inventory.proxy().partition();
    decided.release();
    let outcome = commit.await?;
    let Outcome::Committed(committed) = outcome else { panic!("{outcome:?}") };
    assert_eq!(committed.pending, ["inventory"]);
    assert_eq!(bench.prepared().await?, [0, 1]);

    inventory.proxy().heal();
    running.settle().await?;
    assert_eq!(look(&bench).await?, (1, vec![STOCK - 3]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_databases_commit_and_roll_back_together() -> Result<()> {
    let bench = shop::open(["orders", "inventory-1", "inventory-2"]).await?;
    let running = bench.open().await?;
    let transaction = running.coordinator().begin();
    order(&transaction, running.participants(), 1, 2).await?;
    assert!(transaction.commit().await.is_committed());
    assert_eq!(look(&bench).await?, (1, vec![STOCK - 2, STOCK - 2]));

    // The last of the three refuses.
    bench.databases()[2].sql("UPDATE stock SET quantity = 0").await?;
    let transaction = running.coordinator().begin();
    assert!(order(&transaction, running.participants(), 2, 1).await.is_err());
    assert!(transaction.commit().await.is_aborted());
    assert_eq!(look(&bench).await?, (1, vec![STOCK - 2, 0]));
    assert_eq!(bench.prepared().await?, [0, 0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_rollback_against_the_decision_is_reported() -> Result<()> {
    let bench = shop::open(NAMES).await?;
    let running = bench.open().await?;
    let transaction = running.coordinator().begin();
    order(&transaction, running.participants(), 1, 3).await?;
    let mut decided = running.hold(Moment::Decided);
    let commit = tokio::spawn(transaction.commit());
    decided.reached().await?;
    roll_back_by_hand(&bench.databases()[1]).await?;
    decided.release();
    let outcome = commit.await?;
    let Outcome::Committed(committed) = outcome else { panic!("{outcome:?}") };
    let [heuristic] = committed.heuristic.as_slice() else { panic!("{committed:?}") };
    assert_eq!(
        (heuristic.participant.as_str(), heuristic.ending),
        ("inventory", indoubt::Ending::Heuristic)
    );
    assert_eq!(look(&bench).await?, (1, vec![STOCK]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_database_does_not_hang_the_commit() -> Result<()> {
    let bench = shop::open(NAMES).await?;
    let running = bench.open().await?;
    let [_, inventory] = bench.databases();
    let transaction = running.coordinator().begin();
    order(&transaction, running.participants(), 1, 3).await?;
    inventory.server().pause().await?;
    let outcome = tokio::time::timeout(Duration::from_secs(20), transaction.commit()).await?;
    let Outcome::Aborted(aborted) = outcome else { panic!("{outcome:?}") };
    assert!(
        matches!(&aborted.reason, AbortReason::VoteLost { participant, .. } if participant == "inventory")
    );
    inventory.server().unpause().await?;
    // The prepare may have been executed meanwhile: recovery rolls it back.
    running.settle().await?;
    running.settle().await?;
    assert_eq!(look(&bench).await?, (0, vec![STOCK]));
    assert_eq!(bench.prepared().await?, [0, 0]);
    Ok(())
}
