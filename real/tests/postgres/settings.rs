//! What a role has set bears on nothing that the adapter does: operators of one's own, timeouts,
//! defaults of transactions.

use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::{Decision, Participant as _};
use indoubt_real::Postgres;
use tokio::time::timeout;

use crate::scene::{Scene, run};

/// Operators that are never true and sit in `public`, which comes first.
const LIARS: &str = "
    CREATE FUNCTION never(name, name) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT false';
    CREATE FUNCTION never(text, text) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT false';
    CREATE FUNCTION never(numeric, numeric) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT false';
    CREATE FUNCTION never(timestamptz, timestamptz) RETURNS bool IMMUTABLE LANGUAGE sql
        AS 'SELECT false';
    CREATE OPERATOR = (LEFTARG = name, RIGHTARG = name, FUNCTION = never);
    CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = never);
    CREATE OPERATOR = (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = never);
    CREATE OPERATOR ~~ (LEFTARG = text, RIGHTARG = text, FUNCTION = never);
    CREATE OPERATOR > (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = never);
    CREATE FUNCTION starts_with(text, text) RETURNS bool LANGUAGE sql AS 'SELECT false';
    CREATE FUNCTION pg_xact_status(xid8) RETURNS text LANGUAGE sql AS $$SELECT 'aborted'$$;";

async fn role(scene: &Scene, role: &str, settings: &[&str]) -> Result<Postgres> {
    scene.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT ALL ON t TO {role}")).await?;
    for setting in settings {
        scene.sql(&format!("ALTER ROLE {role} SET {setting}")).await?;
    }
    let mut config = scene.config();
    config.user(role).password("x").application_name(role);
    Ok(Postgres::new("db", config))
}

#[test]
fn operators_of_ones_own_do_not_keep_recovery_from_a_branch() -> Result<()> {
    run(async {
        let scene = Scene::new("operators").await?;
        scene.sql(LIARS).await?;
        let path = ["search_path = public, pg_catalog"];
        let postgres = role(&scene, "lied_to", &path).await?;
        let mut config = scene.config();
        config.user("lied_to").password("x");
        for (id, decision) in [(1, Decision::Commit), (2, Decision::Abort)] {
            let (branch, receipt) = scene.prepared(&postgres, id).await?;
            let gid = branch.gid().clone();
            drop(branch);
            let fresh = Postgres::new("db", config.clone());
            ensure!(fresh.in_doubt(&scene.owner).await? == [gid.clone()], "it must be seen");
            for _ in 0..2 {
                ensure!(fresh.resolve(&gid, decision, &receipt).await?.is_as_decided());
            }
            ensure!(!scene.is_prepared(&gid).await?);
            ensure!(scene.has(id).await? == (decision == Decision::Commit));
        }
        Ok(())
    })
}

#[test]
fn operators_of_ones_own_do_not_keep_a_fence_from_a_backend() -> Result<()> {
    run(async {
        let scene = Scene::new("operators_fence").await?;
        scene.sql(LIARS).await?;
        let path = ["search_path = public, pg_catalog"];
        drop(role(&scene, "fenced_off", &path).await?);
        let proxy = scene.proxy();
        let mut config = scene.config_through_proxy();
        config.user("fenced_off").password("x");
        let postgres = Postgres::new("db", config);
        let branch = scene.inserted(&postgres, 1).await?;
        proxy.hold("PREPARE TRANSACTION");
        let given_up = timeout(Duration::from_millis(500), postgres.prepare(&branch)).await;
        ensure!(given_up.is_err() && proxy.fired());
        ensure!(postgres.finish(&branch, Decision::Abort).await?.is_as_decided());
        let alive = "SELECT 1 FROM pg_stat_activity WHERE usename = 'fenced_off' \
                     AND state LIKE 'idle in transaction%'";
        ensure!(scene.client().await?.query(alive, &[]).await?.is_empty(), "it was not ended");
        Ok(())
    })
}

#[test]
fn what_a_role_has_set_for_its_sessions_does_not_reach_recoverys() -> Result<()> {
    run(async {
        let scene = Scene::new("role_settings").await?;
        let postgres = role(&scene, "hampered", &[]).await?;
        let (branch, receipt) = scene.prepared(&postgres, 1).await?;
        // A deferrable snapshot waits for this one to end.
        let writer = scene.client().await?;
        writer
            .batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO t VALUES (2)")
            .await?;
        for setting in [
            "default_transaction_isolation = 'serializable'",
            "default_transaction_read_only = on",
            "default_transaction_deferrable = on",
            // They hold until recovery has set its own, so they must leave it the time to.
            "statement_timeout = '300ms'",
            "lock_timeout = '1ms'",
            "idle_session_timeout = '300ms'",
            "idle_in_transaction_session_timeout = '300ms'",
            "standard_conforming_strings = off",
            "DateStyle = 'German, DMY'",
        ] {
            scene.sql(&format!("ALTER ROLE hampered SET {setting}")).await?;
        }
        let mut config = scene.config();
        config.user("hampered").password("x").application_name("fresh");
        let fresh = Postgres::new("db", config);
        // Not the writer: within a transaction the view does not change.
        let admin = scene.client().await?;
        let asked = "SELECT pid FROM pg_stat_activity WHERE application_name = 'fresh'";
        let backends = async || -> Result<Vec<i32>> {
            let rows = admin.query(asked, &[]).await?;
            Ok(rows.iter().map(|row| row.get(0)).collect())
        };
        let recovered = async {
            ensure!(fresh.in_doubt(&scene.owner).await? == [branch.gid().clone()]);
            let before = backends().await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            ensure!(before.len() == 1 && backends().await? == before, "an idle session was ended");
            for _ in 0..2 {
                let ended = fresh.resolve(branch.gid(), Decision::Commit, &receipt).await?;
                ensure!(ended.is_as_decided());
            }
            Ok(())
        };
        timeout(Duration::from_secs(10), recovered).await??;
        ensure!(scene.has(1).await?);
        drop(writer);
        Ok(())
    })
}
