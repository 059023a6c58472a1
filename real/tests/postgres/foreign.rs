//! Branches that act elsewhere: what leaves no xid here has not "written nothing".

use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use indoubt::{OnePhase, OnePhaseVote, Participant as _, Vote};

use crate::scene::{Scene, run};

/// A database with a foreign table `far` that stands for the table `t` of another.
async fn near_and_far(name: &str) -> Result<(Scene, Scene)> {
    let near = Scene::new(&format!("{name}_near")).await?;
    let far = Scene::on(Arc::clone(near.server()), &format!("{name}_far")).await?;
    let (user, password) = credentials(&near);
    near.sql(&format!(
        "CREATE EXTENSION postgres_fdw; \
         CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw \
         OPTIONS (host '127.0.0.1', port '5432', dbname '{}'); \
         CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user '{user}', password '{password}'); \
         CREATE FOREIGN TABLE far (id int) SERVER far OPTIONS (table_name 't')",
        far.name()
    ))
    .await?;
    near.sql(&format!("ALTER SERVER far OPTIONS (SET port '{}')", own_port(&near).await?)).await?;
    Ok((near, far))
}

fn credentials(scene: &Scene) -> (String, String) {
    let config = scene.config();
    let password = config.get_password().map(String::from_utf8_lossy).unwrap_or_default();
    (config.get_user().unwrap_or("postgres").to_owned(), password.into_owned())
}

/// The port as the server itself sees it.
async fn own_port(scene: &Scene) -> Result<String> {
    Ok(scene.client().await?.query_one("SHOW port", &[]).await?.get(0))
}

#[test]
fn a_foreign_write_is_refused_by_name_and_leaves_nothing_behind() -> Result<()> {
    run(async {
        let (near, far) = near_and_far("foreign_vote").await?;
        let postgres = near.postgres();
        let branch = postgres.begin(&near.gid()).await?;
        branch.execute("INSERT INTO far VALUES (7)", &[]).await?;
        match postgres.prepare(&branch).await? {
            Vote::No(refusal) => {
                ensure!(refusal.reason().contains("foreign tables"), "{refusal}");
            }
            vote => bail!("voted {vote:?}"),
        }
        ensure!(!far.has(7).await?, "the far row is there, though the branch voted no");
        Ok(())
    })
}

/// What a transaction says of itself at its end proves nothing of what it did before.
#[test]
fn a_foreign_write_that_then_calls_itself_read_only_is_refused_all_the_same() -> Result<()> {
    run(async {
        let (near, far) = near_and_far("foreign_read_only").await?;
        let postgres = near.postgres();
        let branch = postgres.begin(&near.gid()).await?;
        branch.execute("INSERT INTO far VALUES (7)", &[]).await?;
        branch.batch_execute("SET transaction_read_only = on").await?;
        let vote = postgres.prepare(&branch).await?;
        ensure!(matches!(vote, Vote::No(_)), "{vote:?}");
        ensure!(!far.has(7).await?, "the far row is there, though the branch voted no");
        Ok(())
    })
}

#[test]
fn a_foreign_write_in_one_phase_whose_answer_is_lost_is_never_called_rolled_back() -> Result<()> {
    run(async {
        let (near, far) = near_and_far("foreign_one_phase").await?;
        let proxy = near.proxy();
        let postgres = near.participant();
        let branch = postgres.begin(&near.gid()).await?;
        branch.execute("INSERT INTO far VALUES (1)", &[]).await?;
        let vote = postgres.commit_one_phase(&branch).await?;
        ensure!(vote == OnePhaseVote::Committed, "{vote:?}");

        let branch = postgres.begin(&near.gid()).await?;
        branch.execute("INSERT INTO far VALUES (2)", &[]).await?;
        proxy.cut_after_reply("COMMIT");
        ensure!(postgres.commit_one_phase(&branch).await.is_err());
        ensure!(proxy.fired());
        ensure!(far.has(2).await?);
        let end = postgres.inquire(&branch).await?;
        ensure!(end == OnePhase::Committed, "{end:?}, and the far row is there");
        Ok(())
    })
}
