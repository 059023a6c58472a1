//! Where a run on real servers takes place: servers, proxies, and the coordinator's process.
//!
//! Whoever goes through faults does so by [`Arena::sites`] and [`Arena::coordinator`]; what happens is
//! written down by both processes into one [`Story`]. At the end [`Arena::come_to_rest`] heals everything,
//! has everything settled, and looks at it from outside.

mod coordinator;
mod folder;
mod rest;
mod site;
mod story;

use std::sync::Arc;

use anyhow::Result;
use futures::future::try_join_all;
use indoubt_sim::history::{Event, Place, Waits};
use indoubt_sim::scenario::Scenario;
use indoubt_sim::workload::Planned;
use tokio::sync::Mutex;

use crate::time::Beginning;
use crate::words::Setup;
use coordinator::Coordinator;
use folder::Folder;

pub use coordinator::{Gone, Program};
pub use site::Site;
pub use story::Story;

/// What answers may take beyond their deadlines: the machine has other things to do, and sessions are
/// opened and closed.
const SLACK_US: u64 = 10_000_000;

/// Servers, and a coordinator over them.
pub struct Arena {
    /// The databases, in order.
    pub sites: Vec<Arc<Site>>,
    /// What has happened.
    pub story: Story,
    /// The coordinator's process, if one runs. Whoever kills it starts the next, under this lock.
    pub coordinator: Mutex<Option<Coordinator>>,
    program: Program,
    setup: Setup,
    _folder: Folder,
}

impl Arena {
    /// Starts a server for each participant of the scenario, with an empty log, and no coordinator.
    /// `program` is run to [serve](crate::serve).
    ///
    /// # Errors
    /// There are no servers to be had, and what is to be done about it.
    pub async fn start(program: Program, scenario: Scenario) -> Result<Self> {
        let folder = Folder::create()?;
        let sites = (0..scenario.participants).map(Site::start);
        let sites: Vec<_> = try_join_all(sites).await?.into_iter().map(Arc::new).collect();
        let beginning = Beginning::now();
        let setup = Setup {
            directory: folder.path().to_owned(),
            databases: sites.iter().map(|site| site.database.connection_string()).collect(),
            scenario,
            beginning,
        };
        let story = Story::new(beginning);
        Ok(Self { sites, story, coordinator: Mutex::default(), program, setup, _folder: folder })
    }

    /// What the clients do.
    pub const fn scenario(&self) -> &Scenario {
        &self.setup.scenario
    }

    /// The servers that the databases are on, as people read it.
    pub fn source(&self) -> String {
        self.sites
            .first()
            .map_or_else(String::new, |site| site.database.server().source().to_string())
    }

    /// Gives every database the rows that it has before a run, and begins a history with that. `calm` if
    /// nothing in it is going to fail.
    ///
    /// # Errors
    /// A database cannot be reached.
    pub async fn begin(&self, calm: bool) -> Result<()> {
        let scenario = self.scenario();
        let rows = |site: &Site| Planned::rows(scenario, site.p);
        try_join_all(self.sites.iter().map(|site| site.seed(rows(site)))).await?;
        let participants = scenario.participants;
        self.story.begin(Event::Run { participants, calm, marked: true });
        for site in &self.sites {
            for (key, value) in rows(site) {
                self.story.tell(Event::Seeded { p: site.p, key, value });
            }
        }
        let mut waits: Waits = scenario.waits();
        for bound in [&mut waits.answer_us, &mut waits.sick_answer_us, &mut waits.status_us] {
            *bound += SLACK_US;
        }
        self.story.tell(Event::Promised { waits });
        Ok(())
    }

    /// Starts the coordinator's process, which opens the log anew; returns when it is up.
    ///
    /// # Errors
    /// It did not come up, and what it said.
    pub async fn open(&self) -> Result<()> {
        let mut coordinator = self.coordinator.lock().await;
        self.open_into(&mut coordinator).await
    }

    /// The same, for whoever has the lock.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub async fn open_into(&self, coordinator: &mut Option<Coordinator>) -> Result<()> {
        self.story.tell(Event::Started { place: crate::serve::HERE });
        *coordinator = Some(Coordinator::start(&self.program, &self.setup, &self.story).await?);
        Ok(())
    }

    /// Kills the coordinator's process with SIGKILL.
    ///
    /// # Errors
    /// The machine refused.
    pub fn kill(&self, coordinator: &mut Option<Coordinator>) -> Result<()> {
        if let Some(running) = coordinator.take() {
            running.kill()?;
            self.story.tell(Event::Crashed { place: crate::serve::HERE });
        }
        Ok(())
    }

    /// Kills a server with SIGKILL.
    ///
    /// # Errors
    /// The machine refused.
    pub async fn kill_server(&self, site: &Site) -> Result<()> {
        site.database.server().kill().await?;
        self.story.tell(Event::Crashed { place: Place::Participant(site.p) });
        Ok(())
    }

    /// Starts it again.
    ///
    /// # Errors
    /// It did not start.
    pub async fn restart_server(&self, site: &Site) -> Result<()> {
        site.database.server().restart().await?;
        self.story.tell(Event::Started { place: Place::Participant(site.p) });
        Ok(())
    }
}
