//! Votes: a yes is prepared, a no has rolled back, and neither is taken on trust.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures::StreamExt as _;
use futures::future::join;
use indoubt::{Decision, Ending, Participant as _, Refusal, Vote};
use indoubt_real::containers::Server;
use indoubt_real::{Postgres, PostgresBranch};
use tokio_postgres::{AsyncMessage, NoTls};

use crate::scene::{Scene, run};

/// The reason of a no that has left nothing behind.
async fn no(scene: &Scene, postgres: &Postgres, branch: &PostgresBranch) -> Result<String> {
    Ok(refusal(scene, postgres, branch).await?.reason().to_owned())
}

async fn refusal(scene: &Scene, postgres: &Postgres, branch: &PostgresBranch) -> Result<Refusal> {
    let vote = postgres.prepare(branch).await?;
    let Vote::No(refusal) = vote else { anyhow::bail!("voted {vote:?}") };
    ensure!(!scene.is_prepared(branch.gid()).await?);
    ensure!(branch.query("SELECT 1", &[]).await.is_err(), "the session outlived the vote");
    ensure!(postgres.finish(branch, Decision::Abort).await?.is_as_decided());
    Ok(refusal)
}

#[test]
fn a_branch_that_wrote_votes_yes_and_is_prepared() -> Result<()> {
    run(async {
        let scene = Scene::new("yes").await?;
        let postgres = scene.postgres();
        let (branch, _) = scene.prepared(&postgres, 1).await?;
        ensure!(scene.is_prepared(branch.gid()).await?);
        drop(branch);
        ensure!(postgres.in_doubt(&scene.owner).await?.len() == 1, "it must survive its session");
        Ok(())
    })
}

#[test]
fn a_failed_statement_is_a_no_though_prepare_would_succeed() -> Result<()> {
    run(async {
        let scene = Scene::new("failed_statement").await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        ensure!(branch.batch_execute("SELECT 1/0").await.is_err());
        let reason = no(&scene, &postgres, &branch).await?;
        ensure!(reason.contains("a statement of the branch has failed"), "{reason}");
        ensure!(!scene.has(1).await?);
        Ok(())
    })
}

/// In a failed transaction every statement fails with 25P02: the first failure is what counts.
#[test]
fn a_no_tells_what_the_transaction_failed_by_and_whether_to_retry() -> Result<()> {
    run(async {
        let scene = Scene::new("failed_by").await?;
        let postgres = scene.postgres();
        let raise = "DO $$BEGIN RAISE 'lost' USING ERRCODE = '40001'; END$$";
        for (statement, code, retryable) in
            [(raise, "40001", true), ("INSERT INTO t VALUES (1)", "23505", false)]
        {
            let branch = scene.inserted(&postgres, 1).await?;
            ensure!(branch.batch_execute("SAVEPOINT s; SELECT 1/0").await.is_err());
            branch.batch_execute("ROLLBACK TO s").await?;
            ensure!(branch.batch_execute(statement).await.is_err());
            ensure!(branch.batch_execute("SELECT 1").await.is_err());
            let no = refusal(&scene, &postgres, &branch).await?;
            ensure!(no.sqlstate() == Some(code), "{no:?}");
            ensure!(no.is_retryable() == retryable, "{no:?}");
        }
        Ok(())
    })
}

/// Statements of the user's that run between the last look at the branch and its `PREPARE`,
/// which then "succeeds": the tag is `ROLLBACK`, and the driver drops it.
#[test]
fn a_prepare_that_silently_rolls_back_is_noticed() -> Result<()> {
    run(async {
        let scene = Scene::new("silent").await?;
        let postgres = scene.postgres();
        for (id, statement) in (1..).zip(["SELECT 1/0", "ROLLBACK"]) {
            let branch = scene.inserted(&postgres, id).await?;
            let (vote, _) = join(postgres.prepare(&branch), branch.batch_execute(statement)).await;
            ensure!(
                matches!(&vote, Ok(Vote::No(reason)) if reason.reason().contains("without preparing")),
                "{vote:?}"
            );
            ensure!(!scene.is_prepared(branch.gid()).await? && !scene.has(id).await?);
        }
        // What is committed behind the coordinator's back is found out by either decision.
        for (id, decision) in [(3, Decision::Commit), (4, Decision::Abort)] {
            let branch = scene.inserted(&postgres, id).await?;
            let (vote, _) = join(postgres.prepare(&branch), branch.batch_execute("COMMIT")).await;
            ensure!(matches!(vote, Ok(Vote::Yes(_))), "{vote:?}");
            let truth =
                if decision == Decision::Commit { Ending::Earlier } else { Ending::Heuristic };
            ensure!(postgres.finish(&branch, decision).await? == truth);
        }
        Ok(())
    })
}

#[test]
fn a_transaction_ended_by_hand_is_a_no() -> Result<()> {
    run(async {
        let scene = Scene::new("by_hand").await?;
        let postgres = scene.postgres();
        let by_hand = [
            "COMMIT",
            "ROLLBACK",
            "COMMIT AND CHAIN; INSERT INTO t VALUES (100)",
            "COMMIT; BEGIN; INSERT INTO t VALUES (101)",
            "PREPARE TRANSACTION 'by hand'",
        ];
        for (id, statement) in (1..).zip(by_hand) {
            let branch = scene.inserted(&postgres, id).await?;
            branch.batch_execute(statement).await?;
            let reason = no(&scene, &postgres, &branch).await?;
            ensure!(reason.contains("ended by hand"), "{statement}: {reason}");
        }
        ensure!(!scene.has(100).await? && !scene.has(101).await?);
        Ok(scene.sql("ROLLBACK PREPARED 'by hand'").await?)
    })
}

#[test]
fn a_branch_that_wrote_nothing_drops_out() -> Result<()> {
    run(async {
        let scene = Scene::new("read_only").await?;
        let postgres = scene.postgres();
        for statement in ["SELECT * FROM t", ""] {
            let branch = postgres.begin(&scene.gid()).await?;
            branch.batch_execute(statement).await?;
            ensure!(postgres.prepare(&branch).await? == Vote::ReadOnly);
            ensure!(branch.query("SELECT 1", &[]).await.is_err(), "the session outlived the vote");
            ensure!(postgres.finish(&branch, Decision::Commit).await?.is_as_decided());
            ensure!(!scene.is_prepared(branch.gid()).await?);
        }
        Ok(())
    })
}

#[test]
fn a_lock_on_a_row_and_an_undone_write_are_not_read_only() -> Result<()> {
    run(async {
        let scene = Scene::new("not_read_only").await?;
        scene.sql("INSERT INTO t VALUES (1)").await?;
        let postgres = scene.postgres();
        for statement in
            ["SELECT * FROM t FOR UPDATE", "SAVEPOINT s; INSERT INTO t VALUES (2); ROLLBACK TO s"]
        {
            let branch = postgres.begin(&scene.gid()).await?;
            branch.batch_execute(statement).await?;
            ensure!(matches!(postgres.prepare(&branch).await?, Vote::Yes(_)), "{statement}");
            ensure!(postgres.finish(&branch, Decision::Abort).await?.is_as_decided());
        }
        Ok(())
    })
}

#[test]
fn a_notification_of_a_read_only_branch_is_not_swallowed() -> Result<()> {
    run(async {
        let scene = Scene::new("notify").await?;
        let (listener, mut connection) = scene.config().connect(NoTls).await?;
        let (heard, mut messages) = futures::channel::mpsc::unbounded();
        tokio::spawn(async move {
            let mut events = futures::stream::poll_fn(move |cx| connection.poll_message(cx));
            while let Some(Ok(AsyncMessage::Notification(event))) = events.next().await {
                let _ = heard.unbounded_send(event.payload().to_owned());
            }
        });
        listener.batch_execute("LISTEN news").await?;
        let postgres = scene.postgres();
        let branch = postgres.begin(&scene.gid()).await?;
        branch.batch_execute("NOTIFY news, 'hello'").await?;
        ensure!(postgres.prepare(&branch).await? == Vote::ReadOnly);
        let payload = tokio::time::timeout(Duration::from_secs(10), messages.next()).await?;
        ensure!(payload.as_deref() == Some("hello"));
        Ok(())
    })
}

#[test]
fn a_deferred_constraint_is_a_no() -> Result<()> {
    run(async {
        let scene = Scene::new("deferred").await?;
        scene.deferred_constraint().await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        let no = refusal(&scene, &postgres, &branch).await?;
        ensure!(no.sqlstate() == Some("23503") && !no.is_retryable(), "{no:?}");
        Ok(())
    })
}

#[test]
fn a_gid_that_is_taken_is_a_no_and_the_other_keeps_it() -> Result<()> {
    run(async {
        let scene = Scene::new("duplicate").await?;
        let other = Scene::new("duplicate_elsewhere").await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        // Gids are cluster-wide, so another database will do.
        let client = other.client().await?;
        let taken =
            format!("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION '{}'", branch.gid());
        client.batch_execute(&taken).await?;
        let vote = postgres.prepare(&branch).await?;
        ensure!(matches!(&vote, Vote::No(reason) if reason.reason().contains("42710")), "{vote:?}");
        ensure!(scene.is_prepared(branch.gid()).await?);
        ensure!(postgres.finish(&branch, Decision::Abort).await?.is_as_decided());
        ensure!(scene.is_prepared(branch.gid()).await?, "a stranger's branch was touched");
        Ok(())
    })
}

#[test]
fn exhausted_slots_are_a_no() -> Result<()> {
    run(async {
        let server = Server::builder().max_prepared_transactions(1).start().await?;
        let scene = Scene::on(Arc::new(server), "slots").await?;
        let postgres = scene.postgres();
        let (first, _) = scene.prepared(&postgres, 1).await?;
        let branch = scene.inserted(&postgres, 2).await?;
        let reason = no(&scene, &postgres, &branch).await?;
        ensure!(
            reason.contains("53200") && reason.contains("raise max_prepared_transactions"),
            "{reason}"
        );
        ensure!(postgres.finish(&first, Decision::Commit).await?.is_as_decided());
        scene.prepared(&postgres, 3).await?;
        Ok(())
    })
}

#[test]
fn what_postgres_will_not_prepare_is_a_no() -> Result<()> {
    run(async {
        let scene = Scene::new("not_preparable").await?;
        let postgres = scene.postgres();
        let statements = [
            "CREATE TEMP TABLE x ()",
            "NOTIFY news",
            "LISTEN news",
            "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
            "SELECT pg_export_snapshot()",
        ];
        for statement in statements {
            let branch = scene.inserted(&postgres, 1).await?;
            branch.batch_execute(statement).await?;
            let reason = no(&scene, &postgres, &branch).await?;
            ensure!(reason.contains("0A000"), "{statement}: {reason}");
        }
        Ok(())
    })
}

#[test]
fn a_serialization_conflict_is_a_no() -> Result<()> {
    run(async {
        let scene = Scene::new("serialization").await?;
        let postgres = scene.postgres();
        let mut branches = Vec::new();
        for id in [1, 2] {
            let branch = postgres.begin(&scene.gid()).await?;
            branch.batch_execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").await?;
            branch.batch_execute("SELECT count(*) FROM t").await?;
            branches.push((branch, id));
        }
        for (branch, id) in &branches {
            branch.execute("INSERT INTO t VALUES ($1)", &[id]).await?;
        }
        ensure!(matches!(postgres.prepare(&branches[0].0).await?, Vote::Yes(_)));
        let no = refusal(&scene, &postgres, &branches[1].0).await?;
        ensure!(no.sqlstate() == Some("40001") && no.is_retryable(), "{no:?}");
        let reason = no.reason();
        ensure!(
            reason.contains("40001") && reason.contains("try the whole transaction again"),
            "{reason}"
        );
        Ok(())
    })
}

#[test]
fn a_role_that_is_set_is_a_no_because_recovery_could_not_finish_it() -> Result<()> {
    run(async {
        let scene = Scene::new("set_role").await?;
        scene.sql("CREATE ROLE clerk; GRANT ALL ON t TO clerk").await?;
        let postgres = scene.postgres();
        let branch = postgres.begin(&scene.gid()).await?;
        branch.batch_execute("SET LOCAL ROLE clerk; INSERT INTO t VALUES (1)").await?;
        let reason = no(&scene, &postgres, &branch).await?;
        ensure!(reason.contains("RESET ROLE"), "{reason}");
        let branch = postgres.begin(&scene.gid()).await?;
        branch.batch_execute("SET LOCAL ROLE clerk; INSERT INTO t VALUES (1); RESET ROLE").await?;
        ensure!(matches!(postgres.prepare(&branch).await?, Vote::Yes(_)));
        Ok(())
    })
}

#[test]
fn a_session_with_odd_settings_prepares_and_commits() -> Result<()> {
    run(async {
        let scene = Scene::new("odd_settings").await?;
        scene.sql("CREATE FUNCTION pg_xact_status(text) RETURNS text LANGUAGE sql AS $$SELECT 'aborted'$$").await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        let odd = "SET standard_conforming_strings = off; SET search_path = public, pg_catalog; \
                   SET datestyle = 'German'; SET timezone = 'Asia/Kathmandu'; SET statement_timeout = '5s'";
        branch.batch_execute(odd).await?;
        ensure!(matches!(postgres.prepare(&branch).await?, Vote::Yes(_)));
        ensure!(postgres.finish(&branch, Decision::Commit).await?.is_as_decided());
        ensure!(scene.has(1).await?);
        Ok(())
    })
}

#[test]
fn a_branch_is_asked_only_once() -> Result<()> {
    run(async {
        let scene = Scene::new("asked_once").await?;
        let postgres = scene.postgres();
        let (branch, _) = scene.prepared(&postgres, 1).await?;
        ensure!(postgres.prepare(&branch).await.is_err());
        ensure!(postgres.finish(&branch, Decision::Commit).await?.is_as_decided());
        ensure!(postgres.finish(&branch, Decision::Commit).await?.is_as_decided());
        ensure!(postgres.finish(&branch, Decision::Abort).await? == Ending::Heuristic);
        Ok(())
    })
}
