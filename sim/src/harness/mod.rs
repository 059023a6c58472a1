//! The harness as others use it: the parts of a run put together, searched and replayed in a few
//! lines of a test.
//!
//! ```no_run
//! use indoubt_sim::harness::Harness;
//!
//! // What ships, under faults, on a thousand seeds. What is not shipped is said in between.
//! Harness::shipped().seeds(1_000).check();
//! ```
//!
//! - [`bend`](Harness::bend): one step of the log, of the participants or of the disks, otherwise.
//! - [`host`](Harness::host): a participant of one's own, [`Hosted`] over this crate's network and
//!   on its disks; [`participants`](Harness::participants): a kind that does all of that itself.
//! - [`log`](Harness::log): a decision log of one's own.
//! - [`workload`](Harness::workload): what transactions do.
//! - [`claim`](Harness::claim): an invariant of one's own, over the typed history.
//! - [`check`](Harness::check): searches, and prints the line that replays what it found.
//!
//! The kind of participant comes first, and then the workload, which is of branches of that kind. The
//! type of a harness says what it is made of: `Harness<Straight, FileLogs, Hosting<Counters>,
//! Increments>` is one with hosted `Counters` and `Increments` as their workload.

mod check;
mod parts;
mod replay;
mod trial;

use std::marker::PhantomData;

use crate::bend::{Bend, BentParticipant, Straight};
use crate::database::SimKind;
use crate::history::History;
use crate::hosting::{Hosted, Hosting};
use crate::invariants::{Claim, Invariant};
use crate::parts::{AttendedOf, FileLogs, Kind, Logs};
use crate::postgres::PostgresKind;
use crate::scenario::{Scenario, Servers};
use crate::workload::{Planned, Workload};
use crate::world::{Run, Runs, run_with};

pub use check::Caught;
pub(crate) use trial::{Found, Trial, picture};

/// How many seeds are tried unless somebody says otherwise.
const SEEDS: u64 = 1_000;

/// The parts of a run, what is claimed of it beside the invariants, and which runs to make.
pub struct Harness<B = Straight, L = FileLogs, K = SimKind, W = Planned> {
    logs: L,
    kind: K,
    workload: W,
    family: fn(u64) -> Scenario,
    seeds: u64,
    claims: Vec<Claim>,
    bend: PhantomData<fn() -> B>,
}

// Derived, it would ask the same of the bend.
impl<B, L: Clone, K: Clone, W: Clone> Clone for Harness<B, L, K, W> {
    fn clone(&self) -> Self {
        Self {
            logs: self.logs.clone(),
            kind: self.kind.clone(),
            workload: self.workload.clone(),
            family: self.family,
            seeds: self.seeds,
            claims: self.claims.clone(),
            bend: PhantomData,
        }
    }
}

/// Runs a scenario with what ships, and judges it.
pub fn run(scenario: &Scenario) -> Run {
    Shipped.run_scenario(scenario, &[])
}

/// Runs scenarios with what ships, and with the participants that each asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shipped;

impl Runs for Shipped {
    fn run_scenario(&self, scenario: &Scenario, claims: &[Claim]) -> Run {
        match scenario.servers {
            Servers::Simulated => run_with(scenario, Harness::shipped(), claims),
            Servers::Postgres => {
                run_with(scenario, Harness::shipped().participants(PostgresKind), claims)
            }
            Servers::Own => panic!("only the test of a service of one's own can run it"),
        }
    }
}

impl Harness {
    /// What ships: the file log, simulated databases, and the work that scenarios have.
    pub const fn shipped() -> Self {
        Self {
            logs: FileLogs,
            kind: SimKind,
            workload: Planned,
            family: Scenario::from_seed,
            seeds: SEEDS,
            claims: Vec::new(),
            bend: PhantomData,
        }
    }
}

impl<B, L, K, W> Harness<B, L, K, W> {
    /// With a step bent, of the log, of the participants or of the disks: a bug that the harness has
    /// to find, or a fault that it does not have.
    pub fn bend<Other: Bend>(self) -> Harness<Other, L, K, W> {
        let Self { logs, kind, workload, family, seeds, claims, .. } = self;
        Harness { logs, kind, workload, family, seeds, claims, bend: PhantomData }
    }

    /// With a decision log of one's own.
    pub fn log<Other: Logs>(self, logs: Other) -> Harness<B, Other, K, W> {
        let Self { kind, workload, family, seeds, claims, bend, .. } = self;
        Harness { logs, kind, workload, family, seeds, claims, bend }
    }

    /// With participants of a kind of one's own. Before the [`workload`](Self::workload), which is of
    /// their branches.
    pub fn participants<Other: Kind>(self, kind: Other) -> Harness<B, L, Other, W> {
        let Self { logs, workload, family, seeds, claims, bend, .. } = self;
        Harness { logs, kind, workload, family, seeds, claims, bend }
    }

    /// With participants of one's own that this crate hosts. Unless their work is
    /// [`Op`](crate::parts::Op), the next thing to say is their [`workload`](Self::workload).
    pub fn host<Other: Hosted>(self, hosted: Other) -> Harness<B, L, Hosting<Other>, W> {
        self.participants(Hosting(hosted))
    }

    /// With another family of runs: what a seed stands for.
    pub fn family(self, family: fn(u64) -> Scenario) -> Self {
        Self { family, ..self }
    }

    /// On this many seeds, from 0; unless it is said, on 1,000.
    pub fn seeds(self, seeds: u64) -> Self {
        Self { seeds, ..self }
    }

    /// With an invariant of one's own: its name, its claim in a sentence, and what breaks it in a
    /// history, if something does. It is asked of every run that came to its end, also of one that did
    /// not come to rest; if it panics, that breaks it.
    ///
    /// # Panics
    /// On the name of an invariant that there is.
    pub fn claim(
        mut self,
        name: &'static str,
        claim: &'static str,
        holds: impl Fn(&History) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let known = |one: &Invariant| one.name() == name;
        assert!(!Invariant::ALL.iter().any(known), "there is an invariant {name:?} already");
        self.claims.push(Claim::new(Invariant::Own(name, claim), holds));
        self
    }
}

impl<B: Bend, L, K: Kind, W> Harness<B, L, K, W> {
    /// With work of one's own, at participants of the kind.
    pub fn workload<Other>(self, workload: Other) -> Harness<B, L, K, Other>
    where
        Other: Workload<BentParticipant<B, AttendedOf<K>>>,
    {
        let Self { logs, kind, family, seeds, claims, bend, .. } = self;
        Harness { logs, kind, workload, family, seeds, claims, bend }
    }
}
