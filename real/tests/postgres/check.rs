//! The check asks what a commit needs: what would fail every commit is refused before the first
//! branch, by name, and what it advises is enough.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use indoubt::{Decision, Participant as _};
use indoubt_real::Postgres;
use indoubt_real::containers::Server;

use crate::scene::{Scene, run};

/// A role of its own that may do with the table what a service may.
async fn as_role(scene: &Scene, role: &str) -> Result<Postgres> {
    scene.sql(&format!("CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT ALL ON t TO {role}")).await?;
    let mut config = scene.config();
    config.user(role).password("x");
    Ok(Postgres::new("db", config))
}

/// A commit in two phases, one in one phase with its inquiry, and recovery.
async fn commits(scene: &Scene, postgres: &Postgres, id: i32) -> Result<()> {
    let (branch, receipt) = scene.prepared(postgres, id).await?;
    ensure!(postgres.in_doubt(&scene.owner).await? == [branch.gid().clone()]);
    ensure!(postgres.finish(&branch, Decision::Commit).await?.is_as_decided());
    // Gone by now, so this is answered from the evidence.
    let again = postgres.resolve(branch.gid(), Decision::Commit, &receipt).await?;
    ensure!(again.is_as_decided(), "{again:?}");
    let branch = scene.inserted(postgres, id + 1000).await?;
    postgres.commit_one_phase(&branch).await?;
    ensure!(scene.has(id).await? && scene.has(id + 1000).await?);
    Ok(())
}

/// The same refusal from the check and from the first branch.
async fn refusal(scene: &Scene, postgres: &Postgres) -> Result<String> {
    let check = postgres.check().await.err().context("the check passed")?.to_string();
    let begin = postgres.begin(&scene.gid()).await.err().context("it began")?;
    ensure!(!begin.is_retryable(), "{begin}");
    ensure!(check == begin.to_string(), "{check}\n{begin}");
    Ok(check)
}

/// Does what a refusal advises: the statement at its end.
async fn obey(scene: &Scene, refusal: &str) -> Result<()> {
    let grant = refusal.find("GRANT ").context("it advises a GRANT")?;
    Ok(scene.sql(&refusal[grant..]).await?)
}

#[test]
fn functions_that_were_revoked_are_named_and_granting_them_is_enough() -> Result<()> {
    run(async {
        let scene = Scene::new("revoked").await?;
        // A name that a GRANT has to quote.
        as_role(&scene, "\"Revoked one\"").await?;
        let mut config = scene.config();
        config.user("Revoked one").password("x");
        let functions = [
            "pg_control_checkpoint()",
            "pg_control_recovery()",
            "pg_control_system()",
            "pg_current_xact_id_if_assigned()",
            "pg_prepared_xact()",
            "pg_stat_get_activity(int4)",
            "pg_terminate_backend(int4, int8)",
            "pg_xact_status(xid8)",
        ];
        for function in functions {
            scene.sql(&format!("REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")).await?;
            let postgres = Postgres::new("db", config.clone());
            let refusal = refusal(&scene, &postgres).await?;
            let name = function.split('(').next().unwrap();
            ensure!(refusal.contains(&format!("pg_catalog.{name}(")), "{function}: {refusal}");
            ensure!(refusal.matches("pg_catalog.pg_").count() == 1, "{function}: {refusal}");
            obey(&scene, &refusal).await?;
            postgres.check().await?;
        }
        commits(&scene, &Postgres::new("db", config), 1).await
    })
}

#[test]
fn what_is_prepared_must_be_seen() -> Result<()> {
    run(async {
        let scene = Scene::new("unseen").await?;
        let postgres = as_role(&scene, "blinkered").await?;
        scene.sql("REVOKE SELECT ON pg_prepared_xacts FROM PUBLIC").await?;
        obey(&scene, &refusal(&scene, &postgres).await?).await?;
        commits(&scene, &postgres, 1).await
    })
}

#[test]
fn what_some_managed_services_have_not_is_not_needed() -> Result<()> {
    run(async {
        let scene = Scene::new("managed").await?;
        let postgres = as_role(&scene, "managed").await?;
        let wal = "pg_current_wal_lsn(), pg_current_wal_insert_lsn(), pg_walfile_name(pg_lsn)";
        scene.sql(&format!("REVOKE EXECUTE ON FUNCTION {wal} FROM PUBLIC")).await?;
        postgres.check().await?;
        commits(&scene, &postgres, 1).await
    })
}

#[test]
fn a_role_that_is_set_at_login_must_be_able_to_fence_whoever_logged_in() -> Result<()> {
    run(async {
        let scene = Scene::new("set_at_login").await?;
        let postgres = as_role(&scene, "logs_in").await?;
        scene.sql("CREATE ROLE in_force; GRANT in_force TO logs_in").await?;
        scene.sql("GRANT ALL ON t TO in_force; ALTER ROLE logs_in SET role = in_force").await?;
        let refusal = refusal(&scene, &postgres).await?;
        ensure!(refusal.contains("logs_in logs in and the role in_force is in force"), "{refusal}");
        // To end a session is not enough where it cannot be seen.
        scene.sql("GRANT pg_signal_backend TO in_force").await?;
        ensure!(self::refusal(&scene, &postgres).await? == refusal);
        obey(&scene, &refusal).await?;
        commits(&scene, &postgres, 1).await
    })
}

#[test]
fn the_timeline_is_that_of_the_history_being_written() -> Result<()> {
    run(async {
        let scene = Scene::on(Arc::new(Server::start().await?), "timeline").await?;
        let (_branch, receipt) = scene.prepared(&scene.postgres(), 1).await?;
        let text = String::from_utf8(receipt.as_bytes().to_vec())?;
        let wal = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";
        let timeline: String = scene.client().await?.query_one(wal, &[]).await?.get(0);
        ensure!(text.rsplit('/').next() == Some(timeline.as_str()), "{text}: {timeline}");
        Ok(())
    })
}
