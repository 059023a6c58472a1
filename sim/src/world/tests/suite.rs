//! What every participant owes, asked of the kinds of this crate in a world of theirs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use indoubt::suite::{Failed, Report, Subject, check};
use indoubt::{Clock, CoordinatorId, Participant};

use super::super::control::{World, address, stranger};
use super::super::run_of;
use crate::harness::Harness;
use crate::history::{Event, Place};
use crate::lock::lock;
use crate::parts::{Kind, Op, Parts, Serve, Works};
use crate::postgres::PostgresKind;
use crate::scenario::Scenario;
use crate::time::SimClock;

const PLACE: Place = Place::Participant(0);

type ParticipantOf<P> = <<P as Parts>::Kind as Kind>::Participant;

/// A participant of a run, as a process sees it that is no coordinator's of the run.
struct InWorld<'a, P: Parts> {
    world: &'a Arc<World<P>>,
    line: <P::Kind as Kind>::Line,
}

impl<P: Parts> Subject for InWorld<'_, P>
where
    <ParticipantOf<P> as Participant>::Branch: Works<Op = Op>,
{
    type Participant = ParticipantOf<P>;

    fn participant(&self) -> Self::Participant {
        self.world.parts.kind().participant(0, address(PLACE), &self.line)
    }

    fn owner(&self) -> CoordinatorId {
        "suite".parse().expect("a valid id")
    }

    async fn write(
        &self,
        branch: &<Self::Participant as Participant>::Branch,
        key: u32,
    ) -> Result<(), Failed> {
        branch.work(Op::Insert { key: row(key), value: 1 }).await?;
        Ok(())
    }

    async fn spoil(
        &self,
        branch: &<Self::Participant as Participant>::Branch,
        _: u32,
    ) -> Result<(), Failed> {
        branch.work(Op::Add { key: 0, delta: -1_000_000 }).await?;
        Ok(())
    }

    async fn has(&self, key: u32) -> Result<bool, Failed> {
        let server = lock(&self.world.slots[0].server).clone().ok_or("it is down")?;
        let is =
            |event: &Event| matches!(event, Event::Row { key: there, .. } if *there == row(key));
        Ok(server.remains().await.iter().any(is))
    }

    async fn restart(&self) -> Result<bool, Failed> {
        self.world.crash(PLACE);
        SimClock.sleep(Duration::from_millis(20)).await;
        self.world.start(PLACE);
        self.is_up().await;
        Ok(true)
    }

    async fn sleep(&self, duration: Duration) {
        SimClock.sleep(duration).await;
    }
}

/// Out of the way of the rows that are there from the start.
fn row(key: u32) -> u64 {
    1_000_000 + u64::from(key)
}

impl<P: Parts> InWorld<'_, P> {
    async fn is_up(&self) {
        loop {
            SimClock.sleep(Duration::from_millis(1)).await;
            if lock(&self.world.slots[0].server).is_some() {
                return;
            }
        }
    }
}

fn checked<P: Parts>(parts: P) -> Report
where
    <ParticipantOf<P> as Participant>::Branch: Works<Op = Op>,
{
    let scenario = Scenario { faults: Vec::new(), transactions: 0, ..Scenario::reference(1) };
    let report = Mutex::new(None);
    run_of(&scenario, parts, &[], async |world| {
        let endpoint = world.net.bind(stranger(&world.scenario));
        let line = world.parts.kind().line(Place::Coordinator(0), endpoint, 1);
        let subject = InWorld { world, line };
        subject.is_up().await;
        *lock(&report) = Some(check(&subject).await);
    });
    let report = report.into_inner().expect("nothing panics").expect("the run gets there");
    report.unwrap_or_else(|breach| panic!("{breach}"))
}

#[test]
fn a_simulated_database_keeps_what_a_participant_owes() {
    let report = checked(Harness::shipped());
    assert!(report.left_out.is_empty(), "{report}");
}

#[test]
fn the_shipped_adapter_keeps_what_a_participant_owes() {
    let report = checked(Harness::shipped().participants(PostgresKind));
    assert!(report.left_out.is_empty(), "{report}");
}
