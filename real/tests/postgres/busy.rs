//! Votes of a branch that is still at work for its user: a no that says at what, long before the
//! deadline of a prepare; and none for a server or a network that is slow.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::future::{Either, select};
use futures::{SinkExt as _, StreamExt as _};
use indoubt::{Decision, OnePhaseVote, Participant as _, Vote};
use indoubt_real::containers::Server;
use indoubt_real::{Postgres, PostgresBranch};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, RowStream};

use crate::scene::{Scene, run};

/// A prepare is given up on after 30 s; a busy branch is found out after about one.
const PROMPT: Duration = Duration::from_secs(10);

/// How a branch is asked to end.
#[derive(Clone, Copy, Debug)]
enum Phases {
    One,
    Two,
}

const BOTH: [Phases; 2] = [Phases::One, Phases::Two];

/// The reason of a no that comes promptly.
async fn no(postgres: &Postgres, branch: &PostgresBranch, phases: Phases) -> Result<String> {
    let asked = async {
        Ok::<_, anyhow::Error>(match phases {
            Phases::Two => match postgres.prepare(branch).await? {
                Vote::No(no) => no,
                vote => bail!("voted {vote:?}"),
            },
            Phases::One => match postgres.commit_one_phase(branch).await? {
                OnePhaseVote::RolledBack(no) => no,
                vote @ OnePhaseVote::Committed => bail!("{vote:?}"),
            },
        })
    };
    let no = timeout(PROMPT, asked).await.context("it was waited for")??;
    ensure!(postgres.finish(branch, Decision::Abort).await?.is_as_decided());
    Ok(no.reason().to_owned())
}

/// Whether the row can be written by another within moments: nothing holds it any more.
async fn is_free(scene: &Scene, id: i32) -> Result<()> {
    let client = scene.client().await?;
    let insert = format!("INSERT INTO t VALUES ({id}) ON CONFLICT DO NOTHING; DELETE FROM t");
    timeout(PROMPT, client.batch_execute(&insert)).await.context("it is still locked")??;
    Ok(())
}

/// Begins a statement, and leaves it.
async fn leave(running: impl Future<Output = Result<(), tokio_postgres::Error>>) -> Result<()> {
    match select(pin!(running), pin!(sleep(Duration::from_millis(200)))).await {
        Either::Left((ended, _)) => bail!("it was to be still running: {ended:?}"),
        Either::Right(_) => Ok(()),
    }
}

async fn locked_by(scene: &Scene) -> Result<(Client, i32)> {
    scene.sql("INSERT INTO t VALUES (99)").await?;
    let holder = scene.client().await?;
    holder.batch_execute("BEGIN; DELETE FROM t WHERE id = 99").await?;
    let pid = holder.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
    Ok((holder, pid))
}

#[test]
fn a_statement_that_waits_for_a_lock_is_a_no_that_names_it_and_who_holds_it() -> Result<()> {
    run(async {
        let scene = Scene::new("busy_lock").await?;
        let postgres = scene.postgres();
        for phases in BOTH {
            let (holder, pid) = locked_by(&scene).await?;
            let branch = scene.inserted(&postgres, 1).await?;
            leave(branch.batch_execute("UPDATE t SET id = 98\n WHERE id = 99")).await?;
            let reason = no(&postgres, &branch, phases).await?;
            let expected = format!(
                "'UPDATE t SET id = 98 WHERE id = 99' waits for a lock (transactionid) held by \
                 pid {pid}"
            );
            ensure!(reason.contains(&expected), "{phases:?}: {reason}");
            ensure!(!scene.is_prepared(branch.gid()).await?);
            // The holder still holds its row, and the branch none.
            holder.batch_execute("INSERT INTO t VALUES (1)").await?;
            holder.batch_execute("ROLLBACK").await?;
            scene.sql("DELETE FROM t").await?;
        }
        Ok(())
    })
}

#[test]
fn a_statement_that_runs_is_a_no_and_is_cancelled() -> Result<()> {
    run(async {
        let scene = Scene::new("busy_running").await?;
        let postgres = scene.postgres();
        for phases in BOTH {
            let branch = scene.inserted(&postgres, 1).await?;
            leave(branch.batch_execute("SELECT pg_sleep(60)")).await?;
            let reason = no(&postgres, &branch, phases).await?;
            ensure!(reason.contains("is still running: 'SELECT pg_sleep(60)'"), "{reason}");
            is_free(&scene, 1).await?;
        }
        Ok(())
    })
}

/// Rows that fit nowhere between the server and its client, and rows that just fit, so that the
/// server has done with them.
async fn stream(branch: &PostgresBranch, rows: i32) -> Result<Pin<Box<RowStream>>> {
    let sql = "SELECT repeat('x', 1000) FROM generate_series(1, $1)";
    let mut stream = Box::pin(branch.query_raw(sql, [rows]).await?);
    ensure!(stream.next().await.is_some());
    Ok(stream)
}

#[test]
fn a_row_stream_that_is_not_read_is_a_no() -> Result<()> {
    run(async {
        let scene = Scene::new("busy_stream").await?;
        let postgres = scene.postgres();
        for (rows, phases) in
            [(200, BOTH[0]), (200, BOTH[1]), (200_000, BOTH[0]), (200_000, BOTH[1])]
        {
            let branch = scene.inserted(&postgres, 1).await?;
            let held = stream(&branch, rows).await?;
            let reason = no(&postgres, &branch, phases).await?;
            ensure!(
                reason.contains("a row stream or COPY of the user is not finished"),
                "{reason}"
            );
            drop(held);
            is_free(&scene, 1).await?;
        }
        Ok(())
    })
}

#[test]
fn a_row_stream_that_was_dropped_is_no_hindrance() -> Result<()> {
    run(async {
        let scene = Scene::new("busy_dropped").await?;
        let postgres = scene.postgres();
        let dropped = scene.inserted(&postgres, 1).await?;
        drop(stream(&dropped, 20_000).await?);
        ensure!(matches!(postgres.prepare(&dropped).await?, Vote::Yes(_)));
        ensure!(postgres.finish(&dropped, Decision::Commit).await?.is_as_decided());
        Ok(())
    })
}

#[test]
fn a_copy_whose_sink_is_held_is_a_no() -> Result<()> {
    run(async {
        let scene = Scene::new("busy_copy_in").await?;
        let postgres = scene.postgres();
        for (phases, fed) in [(Phases::One, false), (Phases::Two, false), (Phases::Two, true)] {
            let branch = scene.inserted(&postgres, 1).await?;
            let mut sink = Box::pin(branch.copy_in::<_, &[u8]>("COPY t FROM STDIN").await?);
            if fed {
                sink.send(b"2\n".as_slice()).await?;
            }
            let reason = no(&postgres, &branch, phases).await?;
            ensure!(
                reason.contains("a COPY of the user is not finished ('COPY t FROM STDIN')"),
                "{reason}"
            );
            drop(sink);
            is_free(&scene, 1).await?;
        }
        Ok(())
    })
}

#[test]
fn a_copy_out_that_is_not_read_is_a_no() -> Result<()> {
    run(async {
        let scene = Scene::new("busy_copy_out").await?;
        let postgres = scene.postgres();
        for (rows, phases) in [(500, Phases::One), (200_000, Phases::Two)] {
            let branch = scene.inserted(&postgres, 1).await?;
            let copy = format!(
                "COPY (SELECT repeat('x', 1000) FROM generate_series(1, {rows})) TO STDOUT"
            );
            let mut held = Box::pin(branch.copy_out(&copy).await?);
            ensure!(held.next().await.is_some());
            let reason = no(&postgres, &branch, phases).await?;
            ensure!(
                reason.contains("a row stream or COPY of the user is not finished"),
                "{reason}"
            );
            is_free(&scene, 1).await?;
        }
        Ok(())
    })
}

/// Longer than two looks at what the branch may be at.
const SLOW: Duration = Duration::from_millis(2500);

#[test]
fn a_slow_network_is_waited_for() -> Result<()> {
    run(async {
        let scene = Scene::new("busy_network").await?;
        let proxy = scene.proxy();
        let postgres = scene.participant();
        let branch = scene.inserted(&postgres, 1).await?;
        // The first question of the vote is on its way for long; another session is not.
        proxy.hold("SELECT pg_catalog.current_setting('indoubt.branch'");
        let mut vote = pin!(postgres.prepare(&branch));
        ensure!(
            timeout(SLOW, vote.as_mut()).await.is_err(),
            "a slow network is no reason for a no"
        );
        ensure!(proxy.fired());
        proxy.heal();
        ensure!(matches!(vote.await?, Vote::Yes(_)));
        ensure!(postgres.finish(&branch, Decision::Commit).await?.is_as_decided());
        ensure!(scene.has(1).await?);
        Ok(())
    })
}

#[test]
fn a_server_that_stands_still_is_waited_for() -> Result<()> {
    run(async {
        let server = Arc::new(Server::start().await?);
        let scene = Scene::on(server.clone(), "busy_paused").await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        server.pause().await?;
        let mut vote = pin!(postgres.prepare(&branch));
        let early = timeout(SLOW, vote.as_mut()).await;
        server.unpause().await?;
        ensure!(early.is_err(), "a server that stands still is no reason for a no: {early:?}");
        ensure!(matches!(timeout(PROMPT, vote).await??, Vote::Yes(_)));
        Ok(())
    })
}
