//! A server at a participant's node: it listens, serves until its disk fails it, and is looked at and
//! harmed.

use std::io;
use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Either, select};
use futures::stream::{self, StreamExt};
use indoubt::Clock;
use indoubt_sim_postgres::{OpenError, Options, Server};

use super::Silence;
use super::client::Session;
use super::effects::Effects;
use super::kind::{Kept, config, options};
use super::schema::ROWS;
use super::wal::NodeWal;
use crate::bend::Drive;
use crate::clock::NodeClock;
use crate::history::{Event, Place, ServiceEvent, Tx};
use crate::hosting::Teller;
use crate::journal::Journal;
use crate::lock::lock;
use crate::net::Endpoint;
use crate::parts::{FOREIGN, Hand, Serve, Site};

/// How often what nobody waits for is written (`wal_writer_delay`).
const WAL_WRITER_DELAY: Duration = Duration::from_millis(200);

/// One life of a server.
pub struct PostgresServer {
    site: Site,
    endpoint: Endpoint<Silence>,
    server: Server,
    wal: NodeWal,
    /// Until the server runs.
    writer: Mutex<Option<BoxFuture<'static, io::Error>>>,
    effects: Effects,
    kept: Kept,
}

impl PostgresServer {
    /// Starts a server on what its disk holds.
    pub(super) async fn start(
        site: Site,
        disk: Drive,
        endpoint: Endpoint<Silence>,
        kept: Kept,
    ) -> Result<Self, (Endpoint<Silence>, io::Error)> {
        match Self::open(&site, disk, &kept).await {
            Ok((server, wal, writer, effects)) => {
                let writer = Mutex::new(Some(writer));
                Ok(Self { site, endpoint, server, wal, writer, effects, kept })
            }
            Err(error) => Err((endpoint, error)),
        }
    }

    async fn open(
        site: &Site,
        disk: Drive,
        kept: &Kept,
    ) -> io::Result<(Server, NodeWal, BoxFuture<'static, io::Error>, Effects)> {
        let mut is_new = false;
        let first = || {
            is_new = true;
            kept.first.to_vec()
        };
        let (journal, records) = Journal::open(disk, first).await?;
        let wal = NodeWal::new(records);
        let writing = wal.clone();
        let mut writer = async move { writing.write(journal).await }.boxed();
        let teller =
            Teller::new(site.p, site.owner.clone(), site.events.clone(), kept.chronicle.clone());
        let effects = Effects::new(site, teller.clone(), kept);
        let timeline = kept.timeline;
        let mut options = Options { timeline, ..options() };
        // Nobody tells a server that its client has lost its power.
        let idle = site.idle.as_millis().to_string();
        options.settings.insert("idle_in_transaction_session_timeout".to_owned(), idle);
        let (ours, told) = (wal.clone(), effects.clone());
        let clock = site.clock.clone();
        let opening = async move {
            let opened = Server::open(options, ours, MachineClock(clock), told).await;
            opened.map_err(io::Error::other)
        };
        let server = match select(pin!(opening), &mut writer).await {
            Either::Left((server, _)) => server?,
            Either::Right((error, _)) => return Err(error),
        };
        teller.opened();
        if let Some(database) = &kept.database {
            let what = ServiceEvent::Serves { p: site.p, database: database.name.clone() };
            site.events.record(Event::OfService { what });
        }
        let takes_over = kept.takes_over.swap(false, Ordering::Relaxed);
        if takes_over {
            // Of what has ended there is evidence in a history that is over.
            kept.older.extend(server.prepared().into_iter().map(|prepared| prepared.gid));
            site.events.record(Event::Forgot { p: site.p });
        }
        if takes_over || !is_new {
            // Of what was not flushed the xids are given to strangers.
            site.events.record(Event::ForgotUnprepared { p: site.p });
        }
        Ok((server, wal, writer, effects))
    }

    /// What a standby has that has received everything.
    pub(super) fn standby(&self) -> Kept {
        let (first, chronicle) = (self.wal.durable().into(), self.kept.chronicle.copy());
        Kept { first, chronicle, ..self.kept.clone() }
    }

    /// The transaction, if the gid is one of the coordinator under test.
    fn ours(&self, gid: &str) -> Option<Tx> {
        self.effects.ours(gid).map(|(_, tx)| tx)
    }

    /// A session of somebody on this machine.
    async fn session(&self) -> Result<Session, tokio_postgres::Error> {
        let stream = self.endpoint.connect(self.endpoint.node()).await;
        // To one's own machine nothing is cut, and the server listens.
        Session::open(&config(self.endpoint.node()), stream.expect("a machine reaches itself"))
            .await
    }

    async fn rows(&self) -> Result<Vec<(u64, i64)>, tokio_postgres::Error> {
        let rows = self.session().await?.client.query(ROWS, &[]).await?;
        Ok(rows.iter().map(|row| (row.get::<_, i64>(0).cast_unsigned(), row.get(1))).collect())
    }

    /// An operator ends a branch by hand.
    async fn by_hand(&self, gid: &str, commit: bool) -> Result<(), tokio_postgres::Error> {
        let session = self.session().await?;
        let pid = session.client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        self.effects.is_operators(pid, gid);
        let verb = if commit { "COMMIT" } else { "ROLLBACK" };
        session.client.batch_execute(&format!("{verb} PREPARED '{gid}'")).await
    }

    /// A backend crashes, and with it all others.
    async fn crash(&self, pid: i32) -> Result<bool, OpenError> {
        let (place, events) = (Place::Participant(self.site.p), &self.site.events);
        let teller = self.effects.teller();
        events.record(Event::Crashed { place });
        teller.opens();
        let crashed = self.server.crash_backend(pid).await?;
        events.record(Event::Started { place });
        teller.opened();
        events.record(Event::ForgotUnprepared { p: self.site.p });
        Ok(crashed)
    }

    /// Sessions that are in a transaction, or at work.
    fn busy(&self) -> usize {
        self.server.backends().iter().filter(|backend| backend.state != "idle").count()
    }
}

impl Serve for PostgresServer {
    async fn run(&self) -> io::Error {
        let Some(writer) = lock(&self.writer).take() else {
            return io::Error::other("it was run before");
        };
        self.endpoint.listen();
        let clients = stream::unfold(&self.endpoint, |endpoint| async move {
            Some((endpoint.accept().await, endpoint))
        });
        let serving = clients.for_each_concurrent(None, |(_, client)| self.server.serve(client));
        let behind = async {
            loop {
                self.site.clock.sleep(WAL_WRITER_DELAY).await;
                self.wal.flush_behind();
            }
        };
        match select(writer, select(pin!(serving), pin!(behind))).await {
            Either::Left((error, _)) => error,
            Either::Right(_) => io::Error::other("it stopped serving"),
        }
    }

    async fn at_rest(&self) -> bool {
        self.busy() == 0
            && self.server.prepared().iter().all(|prepared| self.ours(&prepared.gid).is_none())
    }

    async fn remains(&self) -> Vec<Event> {
        let p = self.site.p;
        let prepared = self.server.prepared();
        let ours = prepared.iter().filter_map(|prepared| self.ours(&prepared.gid));
        let ours = ours.map(|tx| Event::StillPrepared { tx, p });
        if let Some(database) = &self.kept.database {
            let ends_with = database.ends_with(p, &self.wal.durable());
            return ours.chain([Event::OfService { what: ends_with }]).collect();
        }
        let rows = self.rows().await.unwrap_or_default().into_iter();
        let mut events: Vec<_> = rows.map(|(key, value)| Event::Row { p, key, value }).collect();
        events.extend(ours);
        let is_there = |gid: &&&str| prepared.iter().any(|prepared| prepared.gid == **gid);
        let found = FOREIGN.iter().filter(is_there).count();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        events.push(Event::Foreign { p, expected: count(FOREIGN.len()), found: count(found) });
        events
    }

    async fn suffer(&self, hand: Hand) -> io::Result<bool> {
        let backends = self.server.backends();
        match hand {
            Hand::Operator { commit } => {
                let prepared = self.server.prepared();
                if let Some(one) = prepared.iter().find(|one| self.ours(&one.gid).is_some()) {
                    // If it cannot be done now, the operator lets it be.
                    let _done = self.by_hand(&one.gid, commit).await;
                }
            }
            Hand::EndSessions => {
                self.site.events.record(Event::SessionsEnded { p: self.site.p });
                for backend in backends {
                    self.server.terminate(backend.pid);
                }
            }
            Hand::SessionCrash => {
                let busy = backends.iter().find(|backend| backend.state != "idle");
                let Some(backend) = busy.or(backends.first()) else { return Ok(false) };
                return self.crash(backend.pid).await.map_err(io::Error::other);
            }
            Hand::Forget => {
                self.server.forget_ends();
                self.site.events.record(Event::Forgot { p: self.site.p });
                self.site.events.record(Event::ForgotUnprepared { p: self.site.p });
            }
        }
        Ok(true)
    }
}

/// The machine's clock, as the server reads it.
#[derive(Clone)]
struct MachineClock(NodeClock);

impl indoubt_sim_postgres::Clock for MachineClock {
    fn now(&self) -> Duration {
        // A plausible day: nothing depends on which.
        Duration::from_secs(1_700_000_000) + self.0.now()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        let clock = self.0.clone();
        async move { clock.sleep(duration).await }
    }
}
