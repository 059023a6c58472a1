//! A service of one's own under test: ordinary async code with ordinary `tokio_postgres` clients, on a
//! simulated machine, at simulated Postgres servers, under every fault that a seed can bring.
//!
//! ```no_run
//! use indoubt_sim::service::{Databases, Machine, Service};
//! use tokio_postgres::Error;
//!
//! /// The service: it runs again after each crash of its process, until it has returned.
//! async fn count(machine: Machine) -> Result<(), Error> {
//!     let client = machine.connect("counts").await?;
//!     client.execute("INSERT INTO counts VALUES (1) ON CONFLICT DO NOTHING", &[]).await?;
//!     Ok(())
//! }
//!
//! /// What is claimed, asked when all faults have ended and everything has come to rest.
//! async fn at_most_one(databases: Databases) -> Result<(), String> {
//!     let client = databases.connect("counts").await.map_err(|error| error.to_string())?;
//!     let rows = client.query("SELECT n FROM counts", &[]).await.map_err(|error| error.to_string())?;
//!     if rows.len() > 1 { Err(format!("{} rows", rows.len())) } else { Ok(()) }
//! }
//!
//! Service::new(count)
//!     .database("counts", "CREATE TABLE counts (n int PRIMARY KEY)")
//!     .holds("at_most_one", "it is counted at most once", at_most_one)
//!     .seeds(500)
//!     .check();
//! ```
//!
//! The service's machine and each database's crash, are killed, stand still, are slow or cut off; their
//! disks lose what was not synced; their clocks drift and jump. Connections are reset around a commit, and
//! sessions are ended or crash. A service that was killed begins again.
//! What a user of the coordinator needs is on the [`Machine`] too, and judged by every invariant.
//!
//! # What such code must not use
//! A run has to be the same run again. So time, tasks, chance and connections come from the [`Machine`].
//!
//! Noticed at once, as a violation with its message: timers, sockets and tasks of tokio, which find no
//! runtime; threads, which cannot be spawned in a run. Noticed when a seed is run twice, which
//! [`check`](Service::check) does with the first few and with what fails: whatever differs the second
//! time and makes a difference, as the order of a `HashMap`, a counter in a `static`, a random source of
//! its own, a `select!` that is not `biased`.
//!
//! Not noticed: blocking calls of `std` (sockets, files), which really happen and take no virtual time; a
//! loop that never awaits, which hangs the test. `Instant::now` and `SystemTime::now` show virtual time
//! in a run.

mod check;
mod databases;
mod family;
mod kind;
mod machine;
mod stage;
mod twice;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use indoubt_real::Postgres;

use crate::edge::Attended;
use crate::history::{Event, History, ServiceEvent};
use crate::invariants::{Claim, Invariant};
use crate::postgres::{SimDialer, seeded};
use kind::{Seeded, Servers};
use stage::{Code, Look, Stage};

pub use databases::Databases;
pub use machine::Machine;

/// A database as a participant of the coordinator of a service's process: the shipped adapter, and who
/// writes down what is asked of it.
pub type Database = Attended<Postgres<SimDialer>>;

/// How many seeds are tried unless somebody says otherwise.
const SEEDS: u64 = 500;

/// How long after the faults everything must have come to rest, unless somebody says otherwise.
const RESTS_WITHIN: Duration = Duration::from_secs(30);

/// A service under test, its databases, and what is claimed of them.
#[derive(Clone)]
pub struct Service {
    job: Code<Machine>,
    databases: Vec<Seeded>,
    looks: Vec<Look>,
    claims: Vec<Claim>,
    seeds: u64,
    rests_within: Duration,
}

impl Service {
    /// This service: it begins when its process has come up, and again after each crash of that, until
    /// it has returned once. Whether it returns an error makes no difference, but if it does so in every
    /// run, the test fails.
    pub fn new<F, E>(service: impl Fn(Machine) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        Self {
            job: code(service),
            databases: Vec::new(),
            looks: Vec::new(),
            claims: Vec::new(),
            seeds: SEEDS,
            rests_within: RESTS_WITHIN,
        }
    }

    /// With a database of this name, on a server of its own, in which this SQL has been run.
    ///
    /// # Panics
    /// If there is one of that name, if there are too many, or with what the server says if the SQL
    /// fails.
    #[track_caller]
    pub fn database(mut self, name: impl Into<String>, sql: impl Into<String>) -> Self {
        let name = name.into();
        assert!(
            self.databases.iter().all(|other| other.name != name),
            "there is a database {name:?} already"
        );
        assert!(self.databases.len() < 32, "no more than 32 databases");
        let seed = match seeded(&[sql.into()]) {
            Ok(seed) => seed,
            Err(error) => panic!("the database {name:?} cannot be seeded: {error}"),
        };
        self.databases.push(Seeded { name, seed });
        self
    }

    /// With an invariant of one's own: its name, its claim in a sentence, and what looks into it, by
    /// clients of the databases, when all faults have ended and everything has come to rest. What that
    /// says is wrong, or panics with, breaks it.
    ///
    /// # Panics
    /// On the name of an invariant that there is.
    pub fn holds<F, E>(
        mut self,
        name: &'static str,
        claim: &'static str,
        holds: impl Fn(Databases) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let invariant = Invariant::Own(name, claim);
        let known = self.claims.iter().any(|claim| claim.invariant().name() == name);
        let shipped = Invariant::ALL.iter().any(|one| one.name() == name);
        assert!(!known && !shipped, "there is an invariant {name:?} already");
        self.claims.push(Claim::new(invariant, move |history| found(history, name)));
        self.looks.push(Look { claim: name, holds: code(holds) });
        self
    }

    /// On this many seeds, from 0; unless it is said, on 500.
    pub fn seeds(self, seeds: u64) -> Self {
        Self { seeds, ..self }
    }

    /// With so much virtual time for everything to come to rest in, once all faults have ended; unless
    /// it is said, 30 seconds. That is not for a service that sleeps for longer.
    pub fn rests_within(self, rests_within: Duration) -> Self {
        Self { rests_within, ..self }
    }

    fn stage(&self) -> Stage {
        let mut databases = self.databases.clone();
        while databases.len() < 2 {
            // A run has two participants at least.
            let name = format!("a spare server {}", databases.len());
            let seed = seeded(&[]).expect("nothing in no script fails");
            databases.push(Seeded { name, seed });
        }
        let (job, looks) = (self.job.clone(), self.looks.clone());
        Stage { servers: Servers(databases.into()), job, looks }
    }
}

/// Somebody's own async function, with its error in words.
fn code<T, F, E>(code: impl Fn(T) -> F + Send + Sync + 'static) -> Code<T>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display,
{
    Arc::new(move |given| {
        let running = code(given);
        async move { running.await.map_err(|error| format!("{error:#}")) }.boxed()
    })
}

/// What was found when somebody looked into this claim.
fn found(history: &History, name: &str) -> Result<(), String> {
    let broken = history.events().find_map(|event| match event {
        Event::OfService { what: ServiceEvent::LooksInto { claim, broken } } if claim == name => {
            broken.clone()
        }
        _ => None,
    });
    broken.map_or(Ok(()), Err)
}
