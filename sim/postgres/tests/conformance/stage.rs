//! Sessions at a server, driven one step at a time.
//!
//! After a step everybody comes to rest: a session has answered, or it waits for a lock, or its
//! client has left and it is gone. The server itself says who waits for whom, by
//! `pg_blocking_pids`, which knows of a granted lock before the waiter does.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep};

use crate::arm::Arm;
use crate::client::{Answer, Client};

/// How long a wait has to last before it counts: longer than a backend takes to look for a
/// deadlock, where a test says that it does so early.
pub(crate) const REST: Duration = Duration::from_millis(40);

/// A server, with its sessions.
pub(crate) struct Stage<A> {
    pub(crate) arm: A,
    /// Looks on, and holds nothing.
    observer: Option<Client>,
    sessions: BTreeMap<String, Session>,
    /// Backends whose clients have left, with the sessions that they were.
    ghosts: BTreeMap<i32, (String, (i32, i32))>,
    /// What has been answered and not been asked for yet.
    answers: BTreeMap<String, String>,
    /// How many clients have left.
    left: usize,
}

struct Session {
    client: Client,
    busy: bool,
}

/// Who waits, and for whom, by name.
pub(crate) type Waits = BTreeMap<String, Vec<String>>;

impl<A: Arm> Stage<A> {
    pub(crate) fn new(arm: A) -> Self {
        let (sessions, ghosts, answers) = Default::default();
        Self { arm, observer: None, sessions, ghosts, answers, left: 0 }
    }

    async fn client(&self, user: &str, database: &str) -> Result<Client> {
        let password = self.arm.password();
        Client::open(self.arm.dial().await?, (user, database), password.as_deref()).await
    }

    /// The session that looks on.
    pub(crate) async fn observer(&mut self) -> Result<&mut Client> {
        if self.observer.is_none() {
            let mut client = self.client("postgres", "postgres").await?;
            // Not even SKIP LOCKED keeps a look from waiting, if it is for a later version.
            client.rows("SET lock_timeout = 100").await?;
            self.observer = Some(client);
        }
        self.observer.as_mut().context("it was just opened")
    }

    /// Opens a session if there is none of the name: of the user `postgres`, unless the name has
    /// a role before a slash, and a database behind it. True if it did.
    pub(crate) async fn open(&mut self, name: &str) -> Result<bool> {
        if self.sessions.contains_key(name) {
            return Ok(false);
        }
        let (user, database) = match name.split_once('/') {
            Some((user, "")) => (user, "postgres"),
            Some((user, database)) => (user, database),
            None => ("postgres", "postgres"),
        };
        if let (Some(password), true) = (self.arm.password(), user != "postgres") {
            let sql = format!("ALTER ROLE \"{user}\" PASSWORD '{password}'");
            self.observer().await?.rows(&sql).await?;
        }
        let client = self.client(user, database).await?;
        self.sessions.insert(name.to_owned(), Session { client, busy: false });
        Ok(true)
    }

    /// The client of a session, which is opened if there is none.
    pub(crate) async fn session(&mut self, name: &str) -> Result<&mut Client> {
        self.open(name).await?;
        Ok(&mut self.sessions.get_mut(name).context("it was just opened")?.client)
    }

    pub(crate) fn is_busy(&self, name: &str) -> bool {
        self.sessions.get(name).is_some_and(|session| session.busy)
    }

    /// Asks without waiting for the answer.
    pub(crate) async fn ask(&mut self, name: &str, sql: &str) -> Result<()> {
        self.session(name).await?.ask(sql).await?;
        self.sessions.get_mut(name).context("it is there")?.busy = true;
        Ok(())
    }

    /// The answer of a session, however long it takes.
    pub(crate) async fn answer(&mut self, name: &str) -> Result<String> {
        if let Some(answer) = self.answers.remove(name) {
            return Ok(answer);
        }
        let session = self.sessions.get_mut(name).with_context(|| format!("no session {name}"))?;
        let answer = session.client.answer().await?;
        Ok(self.answered(name, answer))
    }

    /// All that has been answered by now.
    pub(crate) fn answers(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.answers)
    }

    fn answered(&mut self, name: &str, answer: Answer) -> String {
        if answer.last {
            self.sessions.remove(name);
        } else if let Some(session) = self.sessions.get_mut(name) {
            session.busy = false;
        }
        answer.text
    }

    /// A client goes without a farewell. What its session is at goes on, under a name that says
    /// how many had left by then.
    pub(crate) fn leave(&mut self, name: &str) {
        if let Some(Session { client, .. }) = self.sessions.remove(name) {
            self.left += 1;
            let ghost = format!("{name} (gone {})", self.left);
            self.ghosts.insert(client.key.0, (ghost, client.key));
        }
    }

    /// Asks the server to cancel what a session, or a backend without a client, is at.
    pub(crate) async fn cancel(&mut self, name: &str) -> Result<()> {
        let mut ghosts = self.ghosts.values();
        let key = match self.sessions.get(name) {
            Some(session) => session.client.key,
            None => ghosts.find(|(ghost, _)| ghost == name).context("there is none")?.1,
        };
        let mut stream = self.arm.dial().await?;
        let mut request = bytes::BytesMut::new();
        frontend::cancel_request(key.0, key.1, &mut request);
        stream.write_all(&request).await?;
        // The server hangs up when it has passed the request on.
        let mut nothing = Vec::new();
        let _hung_up = stream.read_to_end(&mut nothing).await;
        Ok(())
    }

    /// Everything is killed, and started again: no session is left. The clients go only then, as
    /// a server that lives would roll back what they had open.
    pub(crate) async fn crash(&mut self) -> Result<()> {
        let started = self.arm.crash().await;
        self.abandon();
        started
    }

    /// Waits until everybody has come to rest, or for this long.
    pub(crate) async fn rest(&mut self, patience: Duration) -> Result<()> {
        let begun = Instant::now();
        let mut since: Option<(Waits, Instant)> = None;
        while begun.elapsed() < patience {
            for name in self.busy() {
                let Some(session) = self.sessions.get_mut(&name) else { continue };
                if let Some(answer) = session.client.answer_within(SOON).await? {
                    let text = self.answered(&name, answer);
                    self.answers.insert(name, text);
                }
            }
            let (waits, resting) = self.waits().await?;
            if resting && waits.is_empty() {
                return Ok(());
            }
            match &since {
                Some((before, at)) if resting && *before == waits => {
                    if at.elapsed() >= REST {
                        return Ok(());
                    }
                }
                _ => since = resting.then(|| (waits, Instant::now())),
            }
            sleep(SOON).await;
        }
        Ok(())
    }

    fn busy(&self) -> Vec<String> {
        let busy = self.sessions.iter().filter(|(_, session)| session.busy);
        busy.map(|(name, _)| name.clone()).collect()
    }

    /// Who waits for whom now, and whether nobody who has something to do does anything else.
    pub(crate) async fn waits(&mut self) -> Result<(Waits, bool)> {
        if self.busy().is_empty() && self.ghosts.is_empty() {
            return Ok((Waits::new(), true));
        }
        let sql = "SELECT pid, pg_blocking_pids(pid) FROM pg_stat_activity \
                   WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
        let rows = self.observer().await?.rows(sql).await?;
        let mut blockers = BTreeMap::new();
        for row in rows {
            let [pid, pids] = &row[..] else { continue };
            let pids = pids.trim_matches(['{', '}']).split(',').filter(|pid| !pid.is_empty());
            let pids: Result<Vec<i32>, _> = pids.map(str::parse).collect();
            blockers.insert(pid.parse::<i32>()?, pids?);
        }
        self.ghosts.retain(|pid, _| blockers.contains_key(pid));
        let mut names = BTreeMap::from([(0, "prepared".to_owned())]);
        let mut acting: Vec<_> = self.ghosts.keys().copied().collect();
        for (pid, (name, _)) in &self.ghosts {
            names.insert(*pid, name.clone());
        }
        for (name, session) in &self.sessions {
            names.insert(session.client.key.0, name.clone());
            if session.busy {
                acting.push(session.client.key.0);
            }
        }
        let mut waits = Waits::new();
        for pid in &acting {
            let Some(pids) = blockers.get(pid).filter(|pids| !pids.is_empty()) else { continue };
            let name = |pid: &i32| names.get(pid).cloned().unwrap_or_else(|| "a stranger".into());
            let mut by: Vec<_> = pids.iter().map(name).collect();
            by.sort();
            by.dedup();
            waits.insert(name(pid), by);
        }
        let resting = acting.len() == waits.len();
        Ok((waits, resting))
    }

    /// Leaves everything as it is, which may be in the middle of something, and says who was busy.
    pub(crate) fn abandon(&mut self) -> String {
        let gone: Vec<_> = self.ghosts.values().map(|(name, _)| name.clone()).collect();
        let busy = self.busy();
        self.observer = None;
        self.sessions.clear();
        self.ghosts.clear();
        self.answers.clear();
        format!("busy: {busy:?}, not gone yet: {gone:?}")
    }

    /// Ends every session, and what is prepared: as if nobody had been here.
    pub(crate) async fn clear(&mut self) -> Result<()> {
        self.sessions.clear();
        self.ghosts.clear();
        self.left = 0;
        let observer = self.observer().await?;
        loop {
            let gone = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                        WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
            if observer.rows(gone).await?.is_empty() {
                break;
            }
            sleep(SOON).await;
        }
        for row in observer.rows("SELECT gid FROM pg_prepared_xacts").await? {
            let [gid] = &row[..] else { continue };
            let sql = format!("ROLLBACK PREPARED '{}'", gid.replace('\'', "''"));
            observer.rows(&sql).await?;
        }
        let left = observer.rows("SELECT gid FROM pg_prepared_xacts").await?;
        ensure!(left.is_empty(), "{left:?} is still prepared");
        Ok(())
    }
}

/// How often it is looked whether something has happened.
const SOON: Duration = Duration::from_millis(1);
