//! Cancelling a statement of a branch, which the client's own token cannot.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::join;
use indoubt::{Participant as _, Vote};
use indoubt_real::Postgres;
use tokio::time::{sleep, timeout};
use tokio_postgres::Config;
use tokio_postgres::error::SqlState;

use crate::fake::{Fake, Manner};
use crate::scene::{Scene, run};

#[test]
fn a_branchs_token_cancels_its_statement_and_leaves_its_session() -> Result<()> {
    run(async {
        let scene = Scene::new("cancel").await?;
        // The request has to go to where the session went, not to the first host.
        let fake = Fake::start(Manner::Refusing("57P03", "starting", "")).await?;
        let real = scene.config();
        let mut config = Config::new();
        config.user(real.get_user().unwrap()).password(real.get_password().unwrap());
        config.dbname(scene.name()).host("127.0.0.1").port(fake.port);
        config.host("127.0.0.1").port(scene.server().port());
        let postgres = Postgres::new("db", config);
        let branch = scene.inserted(&postgres, 1).await?;
        let token = branch.cancel_token();
        let cancel = async {
            let running = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' \
                           AND datname = current_database() AND query = 'SELECT pg_sleep(60)'";
            while scene.client().await?.query(running, &[]).await?.is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
            token.cancel().await.context("the request")
        };
        let sleeping = branch.batch_execute("SELECT pg_sleep(60)");
        let (slept, sent) = timeout(Duration::from_secs(20), join(sleeping, cancel)).await?;
        sent?;
        ensure!(slept.unwrap_err().code() == Some(&SqlState::QUERY_CANCELED));
        let Vote::No(no) = postgres.prepare(&branch).await? else { anyhow::bail!("not a no") };
        ensure!(no.reason().contains("a statement of the branch has failed"), "{no}");
        // The session is closed by now; a request for it is to nobody.
        token.cancel().await?;
        Ok(())
    })
}
