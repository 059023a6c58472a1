//! One database: its server, the proxy before it, and how it is looked at from outside.

use std::time::Duration;

use anyhow::{Context as _, Result};
use indoubt::BranchGid;
use indoubt_real::bench::Database;
use indoubt_sim::history::{Place, Tx};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::serve::ID;

/// Rows as the simulator's databases have them. That none is below zero is asked at the prepare.
const SCHEMA: &str = "
    CREATE TABLE rows (key bigint PRIMARY KEY, value bigint NOT NULL);
    CREATE FUNCTION is_not_overdrawn() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT value FROM rows WHERE key = NEW.key) < 0 THEN
            RAISE EXCEPTION 'row % is overdrawn', NEW.key USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER no_overdraft AFTER INSERT OR UPDATE ON rows
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION is_not_overdrawn();
    CREATE TABLE strangers (gid text);";

/// How long a look may take: the server is up and nothing is cut.
const PATIENCE: Duration = Duration::from_secs(20);

/// A database under test.
pub struct Site {
    /// Its number.
    pub p: u8,
    /// It.
    pub database: Database,
    /// A session of the superuser, past the proxy, if it has not been lost.
    session: Mutex<Option<Client>>,
}

/// What is seen of a database that should be at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Branches of the coordinator under test that are prepared.
    pub(super) prepared: Vec<Tx>,
    /// Rows that are locked.
    pub(super) locked: u32,
    /// Sessions that are in the middle of something.
    pub(super) busy: u32,
    /// Strangers' branches that are still as they were.
    pub(super) strangers: u32,
}

impl Seen {
    /// Whether nothing of ours is there.
    pub(super) const fn rests(&self) -> bool {
        self.prepared.is_empty() && self.locked == 0 && self.busy == 0
    }
}

impl Site {
    /// Its place in the history.
    pub const fn place(&self) -> Place {
        Place::Participant(self.p)
    }

    /// How many branches of others are prepared at each database, which nobody may touch.
    pub const STRANGERS: u32 = 2;

    pub(super) async fn start(p: u8) -> Result<Self> {
        let database = Database::start(&Place::Participant(p).to_string()).await?;
        database.sql(SCHEMA).await?;
        // One whose name says nothing, and one of another coordinator with a longer name.
        for gid in [format!("stranger-{p}"), format!("indoubt:{ID}-2:00000000000000ff:1:1:{p}")] {
            let prepare = format!(
                "BEGIN; INSERT INTO strangers VALUES ('{gid}'); PREPARE TRANSACTION '{gid}'"
            );
            database.sql(&prepare).await?;
        }
        Ok(Self { p, database, session: Mutex::default() })
    }

    /// Has it these rows and no others.
    pub(super) async fn seed(&self, rows: Vec<(u64, i64)>) -> Result<()> {
        let values: Vec<_> = rows.iter().map(|(key, value)| format!("({key}, {value})")).collect();
        let script = format!("TRUNCATE rows; INSERT INTO rows VALUES {}", values.join(", "));
        self.query(&script).await.map(drop)
    }

    /// The rows that are there.
    pub(super) async fn rows(&self) -> Result<Vec<(u64, i64)>> {
        let rows = self.query("SELECT key, value FROM rows").await?;
        let number = |row: &Vec<String>, at: usize| row.get(at)?.parse::<i64>().ok();
        let row = |row: &Vec<String>| Some((number(row, 0)?.cast_unsigned(), number(row, 1)?));
        rows.iter().map(row).collect::<Option<_>>().context("two numbers in each row")
    }

    /// What is there beside rows.
    pub(super) async fn look(&self) -> Result<Seen> {
        let gids = self.query("SELECT gid FROM pg_prepared_xacts").await?;
        let gids: Vec<String> = gids.into_iter().flatten().collect();
        let ours = |gid: &String| {
            let branch: BranchGid = gid.parse().ok()?;
            (branch.gid.coordinator.as_str() == ID).then(|| Tx::of(&branch.gid))
        };
        let prepared: Vec<_> = gids.iter().filter_map(ours).collect();
        let strangers = u32::try_from(gids.len() - prepared.len())?;
        let locked = self
            .number(
                "SELECT (SELECT count(*) FROM rows) - count(*) FROM \
                 (SELECT FROM rows FOR UPDATE SKIP LOCKED) AS free",
            )
            .await?;
        let busy = self
            .number(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND \
                 backend_type = 'client backend' AND state <> 'idle' AND pid <> pg_backend_pid()",
            )
            .await?;
        Ok(Seen { prepared, locked, busy, strangers })
    }

    async fn number(&self, query: &str) -> Result<u32> {
        let rows = self.query(query).await?;
        Ok(rows.first().and_then(|row| row.first()).context("a number")?.parse()?)
    }

    /// Asks, over another session if the last one was lost.
    async fn query(&self, query: &str) -> Result<Vec<Vec<String>>> {
        let mut session = self.session.lock().await;
        let asked = timeout(PATIENCE, async {
            let client = match session.take().filter(|client| !client.is_closed()) {
                Some(client) => client,
                None => self.database.client().await?,
            };
            match client.simple_query(query).await {
                Ok(messages) => anyhow::Ok((client, messages)),
                // Lost with its server, and not seen before.
                Err(error) if error.code().is_none() => {
                    let client = self.database.client().await?;
                    let messages = client.simple_query(query).await?;
                    Ok((client, messages))
                }
                Err(error) => Err(error.into()),
            }
        });
        let (client, messages) = asked
            .await
            .with_context(|| format!("no answer within {PATIENCE:?}"))
            .flatten()
            .with_context(|| format!("{} was asked: {query}", self.database.name()))?;
        *session = Some(client);
        let row = |message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect())
            }
            _ => None,
        };
        Ok(messages.into_iter().filter_map(row).collect())
    }
}
