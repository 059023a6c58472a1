//! Crashes of a backend, of the server and of the disk, and clients that are gone.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use indoubt_sim_postgres::{Authentication, OpenError, Options, Role, Shutdown, What};

use crate::scene::{Scene, code, run};

const PREPARE: &str = "BEGIN; INSERT INTO t VALUES (1, 1); PREPARE TRANSACTION 'g'";

#[test]
fn what_is_prepared_survives_a_restart_with_its_locks() -> Result<()> {
    run(async {
        let mut scene = Scene::new().await?;
        scene.sql(PREPARE).await?;
        scene.restart().await?;
        ensure!(scene.gids().await? == ["g"]);
        let blocked = scene.sql("SET lock_timeout = 50; INSERT INTO t VALUES (1, 2)").await;
        ensure!(code(blocked) == "55P03");
        scene.sql("COMMIT PREPARED 'g'").await?;
        scene.restart().await?;
        ensure!(scene.one("SELECT n FROM t WHERE id = 1").await? == "1");
        Ok(())
    })
}

#[test]
fn a_crash_takes_an_asynchronous_commit_and_neither_end_of_a_prepared_one() -> Result<()> {
    run(async {
        let mut scene = Scene::new().await?;
        scene
            .sql("SET synchronous_commit = off; BEGIN; INSERT INTO t VALUES (2, 2); COMMIT")
            .await?;
        scene.restart().await?;
        ensure!(scene.one("SELECT count(*) FROM t").await? == "0");
        let off = "SET synchronous_commit = off; COMMIT; ";
        scene.sql(&format!("{off}{PREPARE}")).await?;
        scene.restart().await?;
        ensure!(scene.gids().await? == ["g"]);
        let client = scene.client().await?;
        client.batch_execute("SET synchronous_commit = off").await?;
        client.batch_execute("COMMIT PREPARED 'g'").await?;
        scene.restart().await?;
        ensure!(scene.one("SELECT count(*) FROM t").await? == "1");
        Ok(())
    })
}

#[test]
fn the_crash_of_a_backend_ends_all_and_the_server_recovers() -> Result<()> {
    run(async {
        let scene = Scene::new().await?;
        scene.sql(PREPARE).await?;
        let (victim, other) = (scene.client().await?, scene.client().await?);
        other.batch_execute("BEGIN; INSERT INTO t VALUES (3, 3)").await?;
        let pid: i32 = victim.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        let server = scene.server.clone();
        let crash = tokio::spawn(async move { server.crash_backend(pid).await });
        tokio::time::sleep(Duration::from_millis(10)).await;
        ensure!(code(scene.client().await) == "57P03");
        ensure!(other.is_closed());
        ensure!(crash.await??);
        ensure!(scene.gids().await? == ["g"]);
        ensure!(scene.one("SELECT count(*) FROM t").await? == "0");
        Ok(())
    })
}

#[test]
fn a_prepare_whose_client_is_gone_still_takes_effect() -> Result<()> {
    run(async {
        let scene = Scene::new().await?;
        let (client, task) = scene.connect_task(&Scene::config()).await?;
        client.batch_execute("BEGIN; INSERT INTO t VALUES (1, 1)").await?;
        scene.disk.slow(Duration::from_secs(2));
        let prepare = client.batch_execute("PREPARE TRANSACTION 'g'");
        let given_up = tokio::time::timeout(Duration::from_millis(100), prepare).await;
        ensure!(given_up.is_err());
        task.abort();
        drop(client);
        ensure!(code(scene.sql("ROLLBACK PREPARED 'g'").await) == "42704");
        tokio::time::sleep(Duration::from_secs(3)).await;
        ensure!(scene.gids().await? == ["g"]);
        Ok(())
    })
}

#[test]
fn the_host_is_told_whose_backend_it_is() -> Result<()> {
    run(async {
        let scene = Scene::new().await?;
        let mut config = Scene::config();
        config.application_name("shop");
        let client = scene.connect(&config).await?;
        let shown = || scene.server.backends().pop().map(|backend| backend.application_name);
        let told = || scene.told.all().pop().and_then(|effect| effect.by);
        ensure!(shown().as_deref() == Some("shop"));
        client.batch_execute(PREPARE).await?;
        let by = told().context("nobody did it")?;
        ensure!(by.application_name == "shop");
        ensure!(Some(by.pid) == scene.server.backends().pop().map(|backend| backend.pid));
        client.batch_execute("SELECT set_config('application_name', 'bank', false)").await?;
        ensure!(shown().as_deref() == Some("bank"));
        client.batch_execute("BEGIN; SET application_name = 'other'; ROLLBACK").await?;
        ensure!(shown().as_deref() == Some("bank"));
        client.batch_execute("COMMIT PREPARED 'g'").await?;
        ensure!(told().is_some_and(|by| by.application_name == "bank"));
        Ok(())
    })
}

#[test]
fn a_prepared_transaction_that_is_being_ended_is_busy() -> Result<()> {
    run(async {
        let scene = Scene::new().await?;
        scene.sql(PREPARE).await?;
        scene.disk.slow(Duration::from_secs(1));
        let (one, other) = (scene.client().await?, scene.client().await?);
        let late = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            other.batch_execute("COMMIT PREPARED 'g'").await
        };
        let (first, second) = tokio::join!(one.batch_execute("COMMIT PREPARED 'g'"), late);
        first?;
        ensure!(code(second) == "55000");
        Ok(())
    })
}

#[test]
fn fewer_slots_than_are_prepared_keep_the_server_from_starting() -> Result<()> {
    run(async {
        let mut scene = Scene::new().await?;
        scene.sql(PREPARE).await?;
        let few = Options { max_prepared_transactions: 0, ..Options::default() };
        let refused = scene.reopen(few).await;
        ensure!(matches!(refused, Err(OpenError::TooFewSlots { prepared: 1, slots: 0 })));
        let enough = Options { max_prepared_transactions: 1, ..Options::default() };
        scene.reopen(enough).await?;
        ensure!(scene.server.prepared().len() == 1);
        Ok(())
    })
}

#[test]
fn without_slots_a_prepare_rolls_back() -> Result<()> {
    run(async {
        let options = Options { max_prepared_transactions: 0, ..Options::default() };
        let scene = Scene::with(options).await?;
        ensure!(code(scene.sql(PREPARE).await) == "55000");
        ensure!(scene.one("SELECT count(*) FROM t").await? == "0");
        Ok(())
    })
}

#[test]
fn a_broken_disk_stops_the_server_and_the_host_is_told() -> Result<()> {
    run(async {
        let mut scene = Scene::new().await?;
        scene.disk.break_down();
        let lost = scene.sql("INSERT INTO t VALUES (1, 1)").await;
        ensure!(lost.is_err_and(|error| error.code().is_none()));
        ensure!(scene.server.failed().await.contains("broken"));
        scene.disk.repair();
        scene.restart().await?;
        ensure!(scene.one("SELECT count(*) FROM t").await? == "0");
        Ok(())
    })
}

#[test]
fn an_observer_hears_of_every_end() -> Result<()> {
    run(async {
        let scene = Scene::new().await?;
        scene.told.forget();
        let flushes = scene.disk.flushes();
        scene.sql(PREPARE).await?;
        scene.sql("ROLLBACK PREPARED 'g'").await?;
        let tagged = "BEGIN; SET LOCAL indoubt.branch = 'b'; INSERT INTO t VALUES (2, 2); ";
        scene.sql(&format!("{tagged}COMMIT")).await?;
        let rolled_back = tagged.replace("(2, 2)", "(3, 3)") + "ROLLBACK";
        scene.sql(&rolled_back).await?;
        ensure!(scene.disk.flushes() == flushes + 3);
        let told: Vec<_> = scene.told.all().into_iter().map(|effect| effect.what).collect();
        let (gid, tag) = ("g".to_owned(), Some("b".to_owned()));
        ensure!(
            told == [
                What::Prepared { gid: gid.clone() },
                What::RolledBackPrepared { gid },
                What::Committed { tag: tag.clone() },
                What::Aborted { tag },
            ],
            "{told:?}"
        );
        Ok(())
    })
}

#[test]
fn a_failover_may_lose_a_prepare_and_has_another_timeline() -> Result<()> {
    run(async {
        let mut scene = Scene::new().await?;
        scene.sql(PREPARE).await?;
        let behind = scene.disk.cut();
        scene.disk = behind;
        scene.reopen(Options { timeline: 2, ..Options::default() }).await?;
        ensure!(scene.gids().await?.is_empty());
        let timeline = "SELECT timeline_id FROM pg_control_checkpoint()";
        ensure!(scene.one(timeline).await? == "2");
        scene.server.promote(3).await?;
        ensure!(scene.one(timeline).await? == "3" && scene.server.timeline() == 3);
        Ok(())
    })
}

#[test]
fn ids_pass_their_epoch() -> Result<()> {
    run(async {
        let options = Options { initial_xid: (1 << 32) - 2, ..Options::default() };
        let mut scene = Scene::with(options).await?;
        let xid = "BEGIN; INSERT INTO t VALUES (1, 1); SELECT pg_current_xact_id()";
        let client = scene.client().await?;
        let xid: u64 = crate::scene::text(&client, xid).await?.parse()?;
        let short = "SELECT backend_xid FROM pg_stat_activity WHERE pid = pg_backend_pid()";
        let short: u64 = crate::scene::text(&client, short).await?.parse()?;
        ensure!(short == xid & u64::from(u32::MAX));
        client.batch_execute("COMMIT").await?;
        scene.sql("INSERT INTO t VALUES (2, 2); SELECT 1").await?;
        scene.sql("INSERT INTO t VALUES (3, 3)").await?;
        scene.reopen(scene.options.clone()).await?;
        ensure!(scene.one(&format!("SELECT pg_xact_status('{xid}')")).await? == "committed");
        let last: u64 = scene.one("SELECT pg_current_xact_id()").await?.parse()?;
        ensure!(last > 1 << 32, "{last}");
        Ok(())
    })
}

#[test]
fn a_shutdown_ends_sessions_and_lets_nobody_in() -> Result<()> {
    run(async {
        let scene = Scene::new().await?;
        let client = scene.client().await?;
        scene.server.shut_down(Shutdown::Smart);
        ensure!(code(scene.client().await) == "57P03");
        client.batch_execute("SELECT 1").await?;
        scene.server.shut_down(Shutdown::Fast);
        scene.server.stopped().await;
        tokio::time::sleep(Duration::from_millis(1)).await;
        ensure!(client.is_closed());
        Ok(())
    })
}

#[test]
fn a_password_is_asked_for_and_has_to_be_right() -> Result<()> {
    run(async {
        let options = Options {
            authentication: Authentication::Scram(std::sync::Arc::new(|| [7; 18])),
            roles: vec![Role::superuser("postgres").password("x"), Role::user("bare")],
            ..Options::default()
        };
        let scene = Scene::with(options).await?;
        let mut config = Scene::config();
        ensure!(code(scene.connect(config.password("y")).await) == "28P01");
        ensure!(code(scene.connect(config.user("bare")).await) == "28P01");
        let client = scene.client().await?;
        let row = client.query_one("SELECT $1::int + 1, $2::text", &[&1, &"a"]).await?;
        ensure!(row.get::<_, i32>(0) == 2 && row.get::<_, String>(1) == "a");
        let closed = client.query_one("SELECT current_user", &[]).await.context("a name")?;
        ensure!(closed.get::<_, String>(0) == "postgres");
        Ok(())
    })
}

#[test]
fn a_cancel_request_ends_a_statement_and_not_its_session() -> Result<()> {
    run(async {
        let scene = Scene::new().await?;
        let client = scene.client().await?;
        let token = client.cancel_token();
        let cancel = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            token.cancel_query_raw(scene.stream(), tokio_postgres::NoTls).await
        };
        let (slept, cancelled) = tokio::join!(client.batch_execute("SELECT pg_sleep(60)"), cancel);
        cancelled?;
        ensure!(code(slept) == "57014");
        client.batch_execute("SELECT 1").await?;
        Ok(())
    })
}
