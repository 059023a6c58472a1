//! Participants of different kinds in one transaction: a Postgres and a ledger in the process.

#[allow(dead_code, reason = "not every test uses all of it")]
mod ledger;

use anyhow::Result;
use indoubt::{AbortReason, Coordinator, CoordinatorId, Outcome};
use indoubt_real::containers::Server;
use indoubt_real::log::{Directory, FileLog, Options};
use indoubt_real::{Postgres, TokioClock};
use ledger::Ledger;

#[tokio::test(flavor = "multi_thread")]
async fn both_or_neither() -> Result<()> {
    let server = Server::start().await?;
    let (shop, ledger) = (Postgres::new("shop", server.config()), Ledger::named("ledger"));
    let directory = std::env::temp_dir().join(format!("indoubt-two-kinds-{}", std::process::id()));
    let id: CoordinatorId = "two-kinds".parse()?;
    let log = FileLog::open(Directory::new(&directory)?, id, Options::default()).await?;
    let builder = Coordinator::builder(log, TokioClock);
    let (coordinator, driver) =
        builder.participant(shop.clone()).participant(ledger.clone()).build()?;
    let driver = tokio::spawn(driver.run());

    let transaction = coordinator.begin();
    let branch = transaction.branch(&shop).await?;
    branch
        .batch_execute("CREATE TABLE sales (item text); INSERT INTO sales VALUES ('lamp')")
        .await?;
    transaction.branch(&ledger).await?.write("one lamp sold");
    assert!(transaction.commit().await.is_committed());
    assert_eq!(ledger.entries(), ["one lamp sold"]);

    let transaction = coordinator.begin();
    let branch = transaction.branch(&shop).await?;
    branch.execute("INSERT INTO sales VALUES ('chair')", &[]).await?;
    transaction.branch(&ledger).await?.write("nonsense");
    let outcome = transaction.commit().await;
    let Outcome::Aborted(aborted) = outcome else { panic!("{outcome:?}") };
    assert!(
        matches!(aborted.reason, AbortReason::VotedNo { participant, .. } if participant == "ledger")
    );
    assert_eq!((ledger.entries().len(), ledger.prepared()), (1, 0));

    // A transaction of reads alone; the second call for a participant gives the same branch.
    let transaction = coordinator.begin();
    let sales = transaction.branch(&shop).await?.query("SELECT item FROM sales", &[]).await?;
    assert_eq!(sales.len(), 1);
    assert_eq!(
        transaction.branch(&shop).await?.query("SELECT * FROM pg_prepared_xacts", &[]).await?.len(),
        0
    );
    let _page = transaction.branch(&ledger).await?;
    assert!(transaction.commit().await.is_committed());

    // The driver ends when nobody can ask it for anything any more.
    drop(coordinator);
    driver.await?;
    std::fs::remove_dir_all(directory)?;
    Ok(())
}
