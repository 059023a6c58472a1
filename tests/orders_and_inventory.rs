//! Orders and inventory on real Postgres servers: committed together, rolled back together,
//! whatever fails in between. After each, every database and `pg_prepared_xacts` are looked at.

mod shop;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::FutureExt;
use futures::channel::mpsc;
use futures::stream::StreamExt;
use indoubt::{AbortReason, Committed, ForceError, Outcome, Status};
use shop::{Hook, Interruption, STOCK, Shop, roll_back_by_hand, sql};

/// A hook that says that its moment has come, and then never returns.
fn hang<T: Send + 'static>() -> (Hook<T>, mpsc::UnboundedReceiver<()>) {
    let (sender, reached) = mpsc::unbounded();
    let hook: Hook<T> = Box::new(move || {
        let sender = sender.clone();
        async move {
            let _nobody = sender.unbounded_send(());
            futures::future::pending().await
        }
        .boxed()
    });
    (hook, reached)
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_together() -> Result<()> {
    let shop = Shop::open("committed", 2).await?;
    let running = shop.start(Interruption::default()).await?;
    let transaction = running.coordinator.begin();
    let gid = transaction.gid().clone();
    shop.order(&transaction, 1, 3).await?;
    assert_eq!(shop.look().await?, (0, vec![STOCK]), "nobody sees it before the commit");
    let outcome = transaction.commit().await;
    assert_eq!(
        outcome,
        Outcome::Committed(Committed { gid: gid.clone(), pending: vec![], heuristic: vec![] })
    );
    assert_eq!(shop.look().await?, (1, vec![STOCK - 3]));
    assert_eq!(shop.prepared().await?, [0, 0]);
    assert_eq!(running.coordinator.status(&gid).await?, Status::Committed);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_back_together() -> Result<()> {
    let shop = Shop::open("rolled-back", 2).await?;
    let running = shop.start(Interruption::default()).await?;

    // More than there is: the database refuses, and the client drops the transaction.
    let transaction = running.coordinator.begin();
    let refused = shop.order(&transaction, 1, STOCK + 1).await;
    assert!(refused.is_err());
    drop(transaction);

    // The client changes its mind.
    let transaction = running.coordinator.begin();
    shop.order(&transaction, 2, 1).await?;
    transaction.rollback().await;

    // The client overlooks the refusal and commits all the same: Postgres would answer the
    // prepare with a ROLLBACK that looks like success.
    let transaction = running.coordinator.begin();
    let gid = transaction.gid().clone();
    let refused = shop.order(&transaction, 3, STOCK + 1).await;
    assert!(refused.is_err());
    let outcome = transaction.commit().await;
    let Outcome::Aborted(aborted) = outcome else { panic!("{outcome:?}") };
    assert!(
        matches!(&aborted.reason, AbortReason::VotedNo { participant, .. } if participant == "inventory-1")
    );
    assert_eq!(running.coordinator.status(&gid).await?, Status::PresumedAborted);

    shop.recover(&running).await?;
    assert_eq!(shop.look().await?, (0, vec![STOCK]));
    assert_eq!(shop.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferred_constraint_is_a_vote_of_no() -> Result<()> {
    let shop = Shop::open("deferred", 2).await?;
    sql(
        &shop.servers[0],
        "ALTER TABLE orders ADD UNIQUE (item) DEFERRABLE INITIALLY DEFERRED; INSERT INTO orders VALUES (1, 'lamp', 0)",
    )
    .await?;
    let running = shop.start(Interruption::default()).await?;
    let transaction = running.coordinator.begin();
    shop.order(&transaction, 2, 1).await?;
    let outcome = transaction.commit().await;
    let Outcome::Aborted(aborted) = outcome else { panic!("{outcome:?}") };
    assert!(
        matches!(&aborted.reason, AbortReason::VotedNo { participant, .. } if participant == "orders")
    );
    assert_eq!(shop.look().await?, (1, vec![STOCK]));
    assert_eq!(shop.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_between_prepare_and_commit_rolls_both_back() -> Result<()> {
    let shop = Shop::open("failure", 2).await?;
    let before: Hook<Result<(), ForceError>> =
        Box::new(|| async { Err(ForceError::Unknown { reason: "injected".to_owned() }) }.boxed());
    let running = shop.start(Interruption { before: Some(before), after: None }).await?;
    let transaction = running.coordinator.begin();
    shop.order(&transaction, 1, 3).await?;
    let outcome = transaction.commit().await;
    let Outcome::Aborted(aborted) = outcome else { panic!("{outcome:?}") };
    assert!(
        matches!(&aborted.reason, AbortReason::NotLogged { reason } if reason.contains("injected"))
    );
    assert_eq!(shop.look().await?, (0, vec![STOCK]));
    assert_eq!(shop.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_dies_before_its_decision_is_recovered_to_an_abort() -> Result<()> {
    let shop = Shop::open("undecided", 2).await?;
    let (before, mut reached) = hang();
    let running = shop.start(Interruption { before: Some(before), after: None }).await?;
    let transaction = running.coordinator.begin();
    let gid = transaction.gid().clone();
    shop.order(&transaction, 1, 3).await?;
    let commit = tokio::spawn(transaction.commit());
    reached.next().await;
    assert_eq!(shop.prepared().await?, [1, 1]);
    running.crash().await;
    assert!(matches!(commit.await?, Outcome::InDoubt(_)));

    let running = shop.start(Interruption::default()).await?;
    let report = shop.recover(&running).await?;
    // The driver sweeps at its start too, so either may have done it.
    assert_eq!((report.committed.len(), report.heuristic.len()), (0, 0));
    assert_eq!(shop.look().await?, (0, vec![STOCK]));
    assert_eq!(shop.prepared().await?, [0, 0]);
    assert_eq!(running.coordinator.status(&gid).await?, Status::PresumedAborted);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_dies_after_its_decision_is_recovered_to_a_commit() -> Result<()> {
    let shop = Shop::open("decided", 2).await?;
    let (after, mut reached) = hang();
    let running = shop.start(Interruption { before: None, after: Some(after) }).await?;
    let transaction = running.coordinator.begin();
    let gid = transaction.gid().clone();
    shop.order(&transaction, 1, 3).await?;
    let commit = tokio::spawn(transaction.commit());
    reached.next().await;
    assert_eq!(shop.prepared().await?, [1, 1]);
    assert_eq!(shop.look().await?, (0, vec![STOCK]));
    running.crash().await;
    assert!(matches!(commit.await?, Outcome::InDoubt(_)));

    let running = shop.start(Interruption::default()).await?;
    shop.recover(&running).await?;
    assert_eq!(shop.look().await?, (1, vec![STOCK - 3]));
    assert_eq!(shop.prepared().await?, [0, 0]);
    assert_eq!(running.coordinator.status(&gid).await?, Status::Committed);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_killed_between_its_prepare_and_its_commit_commits_when_it_is_back() -> Result<()>
{
    let shop = Shop::open("killed", 2).await?;
    let victim = shop.servers[1].clone();
    let after: Hook<()> = Box::new(move || {
        let victim = victim.clone();
        async move { victim.kill().await.expect("a running server can be killed") }.boxed()
    });
    let running = shop.start(Interruption { before: None, after: Some(after) }).await?;
    let transaction = running.coordinator.begin();
    shop.order(&transaction, 1, 3).await?;
    let outcome = transaction.commit().await;
    let Outcome::Committed(committed) = outcome else { panic!("{outcome:?}") };
    assert_eq!(committed.pending, ["inventory-1"]);
    assert_eq!(running.coordinator.status(&committed.gid).await?, Status::Committed);

    shop.servers[1].restart().await?;
    assert_eq!(shop.prepared().await?, [0, 1]);
    shop.recover(&running).await?;
    assert_eq!(shop.look().await?, (1, vec![STOCK - 3]));
    assert_eq!(shop.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn three_databases_commit_and_roll_back_together() -> Result<()> {
    let shop = Shop::open("three", 3).await?;
    let running = shop.start(Interruption::default()).await?;
    let transaction = running.coordinator.begin();
    shop.order(&transaction, 1, 2).await?;
    assert!(transaction.commit().await.is_committed());
    assert_eq!(shop.look().await?, (1, vec![STOCK - 2, STOCK - 2]));

    // The last of the three refuses.
    sql(&shop.servers[2], "UPDATE stock SET quantity = 0").await?;
    let transaction = running.coordinator.begin();
    assert!(shop.order(&transaction, 2, 1).await.is_err());
    assert!(transaction.commit().await.is_aborted());
    assert_eq!(shop.look().await?, (1, vec![STOCK - 2, 0]));
    assert_eq!(shop.prepared().await?, [0, 0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_rollback_against_the_decision_is_reported() -> Result<()> {
    let shop = Shop::open("operator", 2).await?;
    let victim = Arc::clone(&shop.servers[1]);
    let after: Hook<()> = Box::new(move || {
        let victim = victim.clone();
        async move {
            roll_back_by_hand(&victim).await.expect("the operator's rollback");
        }
        .boxed()
    });
    let running = shop.start(Interruption { before: None, after: Some(after) }).await?;
    let transaction = running.coordinator.begin();
    shop.order(&transaction, 1, 3).await?;
    let outcome = transaction.commit().await;
    let Outcome::Committed(committed) = outcome else { panic!("{outcome:?}") };
    let [heuristic] = committed.heuristic.as_slice() else { panic!("{committed:?}") };
    assert_eq!(
        (heuristic.participant.as_str(), heuristic.ending),
        ("inventory-1", indoubt::Ending::Heuristic)
    );
    assert_eq!(shop.look().await?, (1, vec![STOCK]));
    assert_eq!(shop.prepared().await?, [0, 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_database_does_not_hang_the_commit() -> Result<()> {
    let shop = Shop::open("hanging", 2).await?;
    let running = shop.start(Interruption::default()).await?;
    let transaction = running.coordinator.begin();
    shop.order(&transaction, 1, 3).await?;
    shop.servers[1].pause().await?;
    let outcome = tokio::time::timeout(Duration::from_secs(20), transaction.commit()).await?;
    let Outcome::Aborted(aborted) = outcome else { panic!("{outcome:?}") };
    assert!(
        matches!(&aborted.reason, AbortReason::VoteLost { participant, .. } if participant == "inventory-1")
    );
    shop.servers[1].unpause().await?;
    // The prepare may have been executed meanwhile: recovery rolls it back.
    shop.recover(&running).await?;
    shop.recover(&running).await?;
    assert_eq!(shop.look().await?, (0, vec![STOCK]));
    assert_eq!(shop.prepared().await?, [0, 0]);
    Ok(())
}
