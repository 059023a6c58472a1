//! The coordinator, as a process of its own that can be killed at any moment.
//!
//! It is the shipped [`Coordinator`] over the shipped [`FileLog`] and the shipped Postgres participants,
//! with the simulator's watchers at its edges: [`Watched`] on the log and [`Attended`] on the participants
//! write down what passes, before it goes on. Its clients live in the same process, so that a SIGKILL takes
//! them along, as it would in a service.
//!
//! Absent is any judgement: what it has written is all that is left of it.

mod clients;
mod desk;
mod mouth;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use indoubt::{Coordinator, DecisionLog, Heuristic};
use indoubt_real::log::{Directory, FileLog, Options};
use indoubt_real::{Postgres, TokioClock};
use indoubt_sim::edge::{Attended, Watched, Witness};
use indoubt_sim::history::{Event, Place, Recorder, Tx};
use indoubt_sim::parts::Terms;
use indoubt_sim::time::Timed;
use tokio::sync::mpsc;

use crate::words::{Said, Setup};
use desk::Desk;
use mouth::Mouth;

/// The coordinator under test.
pub const ID: &str = "chaos";

/// Where its events happen.
pub const HERE: Place = Place::Coordinator(0);

/// What stands between the coordinator and its log: nothing, for what ships. Tests plant bugs here.
pub trait Bend {
    /// The log that the coordinator is given.
    fn log<L: DecisionLog>(&self, log: L) -> impl DecisionLog + use<Self, L>;
}

/// As it ships.
#[derive(Clone, Copy, Debug)]
pub struct Shipped;

impl Bend for Shipped {
    fn log<L: DecisionLog>(&self, log: L) -> impl DecisionLog + use<L> {
        log
    }
}

/// Serves until standard input ends.
///
/// # Errors
/// What it could not go on with. It has not been answered then.
pub async fn serve(bend: impl Bend) -> Result<()> {
    let mut orders = lines();
    let setup = orders.recv().await.context("nobody says what to do: `serve` is run by others")?;
    let setup: Setup = serde_json::from_str(&setup).context("the first line is to be a setup")?;
    let mouth = Mouth::default();
    let scribe = mouth.clone();
    let recorder = Recorder::dictating(move |entry| scribe.say(&Said::Happened(entry)));
    let beginning = setup.beginning;
    let witness = Witness::new(HERE, Timed::told(recorder, move || beginning.elapsed()));

    tell_of_panics(witness.clone());
    let storage = Directory::new(&setup.directory)?;
    let id = ID.parse().map_err(|error| anyhow!("{error}"))?;
    let log = FileLog::open(storage, id, Options::default()).await?;
    let log = Watched::opened(log, witness.clone()).await?;
    let step = Duration::from_millis(setup.scenario.deadline_ms);
    let participants = setup.databases.iter().zip(0..).map(|(reached, p)| {
        let name = Place::Participant(p).to_string();
        let postgres = Postgres::from_connection_string(name, reached)?;
        // Well before the client gives up.
        let postgres = postgres.lock_timeout(Some(step / 2));
        anyhow::Ok(Attended::new(p, postgres, witness.clone()))
    });
    let participants: Vec<_> = participants.collect::<Result<_>>()?;
    let alarmed = witness.clone();
    let alarm = move |heuristic: &Heuristic| hear(&alarmed, heuristic);
    let mut builder = Coordinator::builder(bend.log(log.clone()), TokioClock)
        .deadlines(Terms::of(&setup.scenario).deadlines)
        .on_heuristic(alarm);
    for participant in &participants {
        builder = builder.participant(participant.clone());
    }
    let (coordinator, driver) = builder.build()?;
    tokio::spawn(driver.run());
    let scenario = setup.scenario;
    let desk = Arc::new(Desk { coordinator, participants, log, witness, mouth, scenario });
    desk.work_off(orders).await
}

/// A panic is a violation, also one that the driver survives.
fn tell_of_panics(witness: Witness) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        witness.record(Event::Panicked { what: panic.to_string() });
        before(panic);
    }));
}

/// The operator's alarm.
fn hear(witness: &Witness, heuristic: &Heuristic) {
    if let Ok(Place::Participant(p)) = heuristic.participant.parse() {
        witness.record(Event::HeuristicReported { tx: Tx::of(&heuristic.gid), p });
    }
}

/// The lines of standard input, read by a thread of its own.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (send, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
