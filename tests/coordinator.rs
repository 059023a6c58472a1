//! What the coordinator promises whoever the participants are: with ledgers in this process, the
//! file log and tokio.

#[allow(dead_code, reason = "not every test uses all of it")]
mod ledger;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::protocol::BranchId;
use indoubt::{
    AbortReason, Builder, Coordinator, Deadlines, Decision, EnlistError, Gid, Outcome,
    Participant as _, Receipt, Status, Vote, Why,
};
use indoubt_real::TokioClock;
use indoubt_real::log::{Directory, FileLog, Options};
use ledger::Ledger;

/// A directory of this test's own, removed at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let name = format!("indoubt-coordinator-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    async fn builder(&self) -> Result<Builder> {
        self.builder_with(Options::default()).await
    }

    async fn builder_with(&self, options: Options) -> Result<Builder> {
        let log = Directory::new(&self.0)?;
        let log = FileLog::open(log, "shop".parse()?, options).await?;
        let short = Duration::from_millis(200);
        let mut deadlines = Deadlines::default();
        (deadlines.begin, deadlines.recovery_interval) = (short, short);
        Ok(Coordinator::builder(log, TokioClock).deadlines(deadlines))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _may_not_be_there = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_second_replica_of_the_same_id_leaves_the_first_ones_branches_alone() -> Result<()> {
    let (one, other, ledger) = (Place::new("one"), Place::new("other"), Ledger::named("ledger"));
    let (first, _driver) = one.builder().await?.participant(ledger.clone()).build()?;
    let (second, _driver) = other.builder().await?.participant(ledger.clone()).build()?;
    // Prepared, and not yet decided.
    let gid = first.begin().gid().branch(BranchId::new(0).expect("a branch"));
    let page = ledger.begin(&gid).await?;
    page.write("one lamp sold");
    ensure!(matches!(ledger.prepare(&page).await?, Vote::Yes(_)));

    for _ in 0..3 {
        let report = second.recover().await;
        ensure!(report.aborted.is_empty() && ledger.prepared() == 1, "{report}");
        let [stranded] = &report.stranded[..] else { anyhow::bail!("{report}") };
        ensure!(stranded.why == Why::OtherLog && stranded.branch == gid, "{stranded}");
        ensure!(stranded.to_string().contains("give each replica an id"), "{stranded}");
    }
    ensure!(second.status(&gid.gid).await.is_err(), "it says something of another log's gid");
    ledger.resolve(&gid, Decision::Abort, &Receipt::none()).await?;
    Ok(())
}

/// A log remembers only so much, but what may be prepared where nobody can look does not expire.
#[tokio::test]
async fn a_branch_that_was_out_of_reach_while_many_others_finished_is_ended_all_the_same()
-> Result<()> {
    let place = Place::new("away");
    let (near, far) = (Ledger::named("near"), Ledger::named("far"));
    let little = Options { remembered: 1, ranges: 0, ..Options::default() };
    let builder = place.builder_with(little).await?;
    let (coordinator, driver) =
        builder.participant(near.clone()).participant(far.clone()).build()?;
    let _driver = tokio::spawn(driver.run());
    let commit = async || -> Result<Gid> {
        let transaction = coordinator.begin();
        let gid = transaction.gid().clone();
        transaction.branch(&near).await?.write("one lamp");
        ensure!(transaction.commit().await.is_committed());
        Ok(gid)
    };

    far.is_away(true);
    let first = commit().await?;
    // Its vote was lost, and then its rollback.
    let transaction = coordinator.begin();
    let orphan = transaction.gid().branch(BranchId::new(0).expect("a branch"));
    transaction.rollback().await;
    let page = far.begin(&orphan).await?;
    page.write("a lamp that was not sold");
    ensure!(matches!(far.prepare(&page).await?, Vote::Yes(_)));
    for _ in 0..20 {
        commit().await?;
        coordinator.begin().rollback().await;
    }
    let report = coordinator.recover().await;
    ensure!(!report.is_complete() && far.prepared() == 1, "{report}");
    ensure!(coordinator.status(&first).await? == Status::Committed);

    far.is_away(false);
    let stranded = coordinator.recover().await.stranded;
    ensure!(stranded.is_empty() && far.entries().is_empty(), "{stranded:?}");
    // The driver's own sweep may have been there first.
    ensure!(far.prepared() == 0);
    ensure!(coordinator.recover().await.is_complete());
    ensure!(coordinator.status(&first).await? == Status::Expired);
    Ok(())
}

#[tokio::test]
async fn two_calls_for_one_participant_at_once_get_one_branch() -> Result<()> {
    let (place, ledger) = (Place::new("twice"), Ledger::named("ledger"));
    let (coordinator, driver) = place.builder().await?.participant(ledger.clone()).build()?;
    let _driver = tokio::spawn(driver.run());
    let transaction = coordinator.begin();
    let (one, two) = tokio::join!(transaction.branch(&ledger), transaction.branch(&ledger));
    one?.write("first line");
    two?.write("second line");
    ensure!(transaction.commit().await.is_committed());
    ensure!(ledger.entries() == ["first line", "second line"]);
    Ok(())
}

#[tokio::test]
async fn the_registered_handle_is_used_whatever_the_one_that_is_given_points_to() -> Result<()> {
    let (place, ledger) = (Place::new("handle"), Ledger::named("ledger"));
    let (coordinator, driver) = place.builder().await?.participant(ledger.clone()).build()?;
    let _driver = tokio::spawn(driver.run());
    let elsewhere = Ledger::named("ledger");
    let transaction = coordinator.begin();
    transaction.branch(&elsewhere).await?.write("one lamp sold");
    ensure!(transaction.commit().await.is_committed());
    ensure!(ledger.entries().len() == 1 && elsewhere.entries().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_branch_that_could_not_be_had_keeps_its_transaction_from_committing() -> Result<()> {
    let (place, ledger) = (Place::new("missing"), Ledger::named("ledger"));
    let (coordinator, driver) = place.builder().await?.participant(ledger.clone()).build()?;
    let _driver = tokio::spawn(driver.run());
    let unknown = Ledger::named("unknown");
    for optional in [false, true] {
        let transaction = coordinator.begin();
        transaction.branch(&ledger).await?.write("one lamp sold");
        let had = if optional {
            transaction.optional_branch(&unknown).await
        } else {
            transaction.branch(&unknown).await
        };
        let unregistered = |error: &EnlistError| matches!(error, EnlistError::Unregistered { .. });
        ensure!(had.err().is_some_and(|error| unregistered(&error) && !error.is_retryable()));
        match transaction.commit().await {
            Outcome::Committed(_) => ensure!(optional),
            Outcome::Aborted(aborted) => {
                ensure!(!aborted.reason.is_retryable(), "{}", aborted.reason);
                let AbortReason::Incomplete { participant, .. } = aborted.reason else {
                    anyhow::bail!("{}", aborted.reason)
                };
                ensure!(participant == "unknown" && !optional);
                ensure!(ledger.entries().is_empty());
            }
            Outcome::InDoubt(in_doubt) => anyhow::bail!("{}", in_doubt.reason),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_branch_that_was_had_at_the_second_attempt_is_not_missing() -> Result<()> {
    let (place, ledger) = (Place::new("hesitant"), Ledger::named(ledger::HESITANT));
    let (coordinator, driver) = place.builder().await?.participant(ledger.clone()).build()?;
    let _driver = tokio::spawn(driver.run());
    let transaction = coordinator.begin();
    ensure!(transaction.branch(&ledger).await.err().is_some_and(|error| error.is_retryable()));
    transaction.branch(&ledger).await?.write("one lamp sold");
    let outcome = transaction.commit().await;
    ensure!(outcome.is_committed() && ledger.entries().len() == 1, "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn a_participant_that_says_nothing_is_told_so_at_the_deadline_and_may_be_asked_again()
-> Result<()> {
    let (place, ledger) = (Place::new("silent"), Ledger::named(ledger::SILENT));
    let (coordinator, driver) = place.builder().await?.participant(ledger.clone()).build()?;
    let _driver = tokio::spawn(driver.run());
    let transaction = coordinator.begin();
    let Err(error) = transaction.branch(&ledger).await else { anyhow::bail!("it began") };
    ensure!(error.is_retryable(), "{error:?}");
    let text = format!("{:#}", anyhow::Error::from(error));
    ensure!(text == "silent could not begin a branch: nothing came within 200ms", "{text}");
    let Outcome::Aborted(aborted) = transaction.commit().await else { anyhow::bail!("no abort") };
    ensure!(aborted.reason.is_retryable(), "{}", aborted.reason);
    Ok(())
}

#[tokio::test]
async fn without_a_driver_a_commit_says_so_at_a_deadline() -> Result<()> {
    let (place, ledger) = (Place::new("undriven"), Ledger::named("ledger"));
    let (coordinator, driver) = place.builder().await?.participant(ledger.clone()).build()?;
    let transaction = coordinator.begin();
    transaction.branch(&ledger).await?.write("one lamp sold");
    let outcome = tokio::time::timeout(Duration::from_secs(20), transaction.commit()).await?;
    let Outcome::InDoubt(in_doubt) = outcome else { anyhow::bail!("{outcome:?}") };
    ensure!(in_doubt.reason.contains("spawn Driver::run"), "{}", in_doubt.reason);
    drop(driver);
    Ok(())
}

/// What a driver leaves behind is not done, and no report says that it is.
#[tokio::test]
async fn a_sweep_names_what_a_driver_has_left_behind() -> Result<()> {
    let place = Place::new("abandoned");
    let (near, far) = (Ledger::named("near"), Ledger::named("far"));
    let builder = place.builder().await?;
    let (coordinator, driver) =
        builder.participant(near.clone()).participant(far.clone()).build()?;
    let driver = tokio::spawn(driver.run());
    let transaction = coordinator.begin();
    transaction.branch(&near).await?.write("one lamp");
    transaction.branch(&far).await?.write(ledger::NO_ANSWER);
    let committing = tokio::spawn(transaction.commit());
    while near.prepared() + far.prepared() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    ensure!(coordinator.recover().await.is_complete(), "the driver is at work on it");
    driver.abort();
    let _aborted = driver.await;
    ensure!(matches!(committing.await?, Outcome::InDoubt(_)));

    let report = coordinator.recover().await;
    ensure!(near.prepared() == 1 && far.prepared() == 1);
    ensure!(report.unreached.len() == 2, "{report}");
    ensure!(report.unreached.iter().all(|one| one.reason.contains("driver has ended")), "{report}");

    drop(coordinator);
    let builder = place.builder().await?;
    let (coordinator, _driver) =
        builder.participant(near.clone()).participant(far.clone()).build()?;
    let report = coordinator.recover().await;
    ensure!(report.is_complete() && report.aborted.len() == 2, "{report}");
    Ok(())
}

/// Somebody has rolled back by hand what is then committed: the alarm goes off once, and its panic
/// harms nothing.
#[tokio::test]
async fn an_alarm_that_panics_goes_off_once_and_the_next_commit_commits() -> Result<()> {
    let place = Place::new("alarm");
    let (orders, stock) = (Ledger::named("orders"), Ledger::named("stock"));
    let alarms = Arc::new(AtomicUsize::new(0));
    let counted = alarms.clone();
    let builder = place.builder().await?.on_heuristic(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        panic!("an alarm's own bug");
    });
    let (coordinator, driver) =
        builder.participant(orders.clone()).participant(stock.clone()).build()?;
    let _driver = tokio::spawn(driver.run());

    let transaction = coordinator.begin();
    transaction.branch(&orders).await?.write("one lamp");
    transaction.branch(&stock).await?.write(ledger::ENDED_BY_HAND);
    let outcome = transaction.commit().await;
    let Outcome::Committed(done) = outcome else { anyhow::bail!("{outcome:?}") };
    ensure!(done.heuristic.len() == 1, "{done:?}");
    coordinator.recover().await;
    ensure!(alarms.load(Ordering::Relaxed) == 1);

    let transaction = coordinator.begin();
    transaction.branch(&orders).await?.write("one chair");
    transaction.branch(&stock).await?.write("minus one chair");
    ensure!(transaction.commit().await.is_committed());
    Ok(())
}
