//! The director: one action of the order after the other, each settled and compared.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc::UnboundedReceiver;
use futures::future::{Either, select};
use indoubt::{Clock, Deadlines};
use madsim::task::JoinHandle;

use super::board::{Board, HeldReading, InHand};
use super::desk::{Caller, Held};
use super::outcome::Stop;
use super::parts::{Bridged, DirectLog, Stage};
use super::{Carried, Impossible, Order};
use crate::bend::Bend;
use crate::database::{Reply, Request, Server};
use crate::explore::{Retold, State};
use crate::history::{Event, Tx};
use crate::lock::lock;
use crate::rpc::Rpc;
use crate::story::Action;
use crate::time::SimClock;
use crate::world::{World, stranger};

/// More than any answer takes in a network without faults, and any few syncs of a disk.
pub(super) const SETTLE: Duration = Duration::from_millis(60);
/// What has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(2);

/// Has the order's actions happen, and lets go, in a world that has an order.
pub(super) async fn perform<B: Bend>(
    world: &Arc<World<Bridged<B>>>,
    order: &Order,
    held: UnboundedReceiver<Held>,
    retold: Retold,
) -> Carried {
    world.backlog.begin_none(world.scenario.transactions);
    let mut director = Director::new(world, order, held, retold);
    let carried = director.carry().await;
    if let Carried::Disagreement { step, .. } = carried {
        let step = u32::try_from(step).unwrap_or(u32::MAX);
        world.events.record(Event::Disagreed { step, what: carried.to_string() });
    }
    director.let_go().await;
    carried
}

pub(super) struct Director<'a, B: Bend> {
    pub(super) world: &'a Arc<World<Bridged<B>>>,
    pub(super) order: &'a Order,
    pub(super) stage: &'a Stage<B>,
    pub(super) held: UnboundedReceiver<Held>,
    pub(super) retold: Retold,
    pub(super) deadlines: Deadlines,
    /// Of the director's own place in the network.
    pub(super) rpc: Rpc<Request, Reply>,
    pub(super) dispatch: JoinHandle<()>,
    /// Which action is being taken, from 0.
    pub(super) step: usize,
    pub(super) boards: Vec<Board>,
    /// Recovery's requests, by coordinator, transaction and participant.
    pub(super) resolving: BTreeMap<(u8, u8, u8), InHand>,
    /// Recovery's readings, by coordinator and transaction.
    pub(super) consulting: BTreeMap<(u8, u8), HeldReading>,
    /// Logs by epoch, also of processes that have ended: what those had begun may still land.
    pub(super) logs: BTreeMap<u64, DirectLog<B>>,
    /// Waits that are never over.
    pub(super) parked: Vec<Caller<()>>,
    /// The newest transaction that the log was made to forget.
    pub(super) expired: Option<Tx>,
}

impl<'a, B: Bend> Director<'a, B> {
    fn new(
        world: &'a Arc<World<Bridged<B>>>,
        order: &'a Order,
        held: UnboundedReceiver<Held>,
        retold: Retold,
    ) -> Self {
        let rpc = Rpc::new(world.net.bind(stranger(&world.scenario)), 1);
        let dispatch = madsim::task::spawn(rpc.clone().dispatch());
        let boards = (0..retold.size.transactions).map(|_| Board::default()).collect();
        Self {
            world,
            order,
            stage: &world.parts.stage,
            held,
            retold,
            deadlines: world.terms.deadlines,
            rpc,
            dispatch,
            step: 0,
            boards,
            resolving: BTreeMap::new(),
            consulting: BTreeMap::new(),
            logs: BTreeMap::new(),
            parked: Vec::new(),
            expired: None,
        }
    }

    async fn carry(&mut self) -> Carried {
        if let Err(stop) = self.settle(Action::Open { c: 0 }).await {
            return stop.at(0, Action::Open { c: 0 });
        }
        for step in 0..self.retold.steps.len() {
            self.step = step;
            let (action, _) = self.retold.steps[step];
            self.world.events.record(Event::Ordered { step: count(step), action });
            if let Err(stop) = self.act(action).await {
                return stop.at(step + 1, action);
            }
        }
        match &self.retold.untrue {
            None => Carried::Through,
            Some(untrue) => Stop::from(Impossible::Untrue).at(untrue.number, untrue.action),
        }
    }

    async fn act(&mut self, action: Action) -> Result<(), Stop> {
        self.take(action).await?;
        self.settle(action).await?;
        self.compare().await
    }

    async fn take(&mut self, action: Action) -> Result<(), Stop> {
        match action {
            Action::Begin { t, c, commit } => self.begin(t, c, commit).await,
            Action::RefuseCommit { .. } => Err(Impossible::Refused.into()),
            Action::Arrive { t, p, from, twice, .. } => self.arrive(t, p, from, twice).await,
            Action::Refuse { t, p, from } => self.refuse(t, p, from),
            Action::Reply { t, p, from } => self.reply(t, p, from).await,
            Action::GiveUp { t, p, from } => self.give_up(t, p, from),
            Action::Lose { t, p, stray } => self.stray(t, p, stray, false).map(drop),
            Action::Land { t } => self.land(t).await,
            Action::ForceReturns { t } => self.force_returns(t).await,
            Action::ForceFails { t } => self.force_fails(t),
            Action::ForceFenced { t } => self.force_fenced(t).await,
            Action::Read { t, reading } => self.read(t, reading).await,
            Action::Retry { t } => over(self.board(t).retry.take(), "to try again"),
            Action::ForceOverdue { t } => {
                over(self.board(t).force_overdue.take(), "until the force is overdue")
            }
            Action::AcknowledgeOverdue { t } => {
                let wait = self.board(t).acknowledge_overdue.take();
                over(wait, "until the acknowledgements are overdue")
            }
            Action::Suspect { c, .. } => self.suspect(c),
            Action::Consult { c, t, reading } => self.consult(c, t, reading).await,
            Action::NoteForgotten { t } => self.note_forgotten(t).await,
            Action::ForgetLost { t } => {
                self.board(t).note = None;
                Ok(())
            }
            Action::Expire { t } => self.expire(t).await,
            Action::Open { c } => self.open(c),
            Action::Crash { c } => {
                self.crash(c);
                Ok(())
            }
            Action::CrashParticipant { p } => {
                self.crash_participant(p);
                Ok(())
            }
            Action::Operator { t, p, commit } => self.operator(t, p, commit).await,
            Action::SessionEnds { t, p } => self.session_ends(t, p),
            Action::LoseEvidence { .. } => Err(Impossible::EvidenceKept.into()),
        }
    }

    /// The explorer's state before this step.
    pub(super) fn before(&self) -> State {
        *self.retold.before(self.step)
    }

    /// The explorer's state after this step.
    pub(super) fn after(&self) -> State {
        self.retold.steps.get(self.step).map_or(self.retold.start, |(_, state)| *state)
    }

    pub(super) fn board(&mut self, t: u8) -> &mut Board {
        &mut self.boards[usize::from(t)]
    }

    /// The server of a participant that is up.
    pub(super) fn server(&self, p: u8) -> Result<Arc<Server>, Stop> {
        let server = lock(&self.world.slots[usize::from(p)].server).clone();
        server.ok_or_else(|| Stop::differ(format!("participant-{p} up"), "it down"))
    }
}

/// A wait is over.
fn over(wait: Option<Caller<()>>, what: &str) -> Result<(), Stop> {
    let ended = wait.is_some_and(|wait| wait.send(()).is_ok());
    if ended { Ok(()) } else { Err(Stop::differ(format!("it waiting {what}"), "it not waiting")) }
}

/// What comes of something that should take no longer than a moment.
pub(super) async fn soon<T>(call: impl Future<Output = T>) -> Result<T, Stop> {
    let (call, limit) = (std::pin::pin!(call), std::pin::pin!(SimClock.sleep(PATIENCE)));
    match select(call, limit).await {
        Either::Left((done, _)) => Ok(done),
        Either::Right(_) => Err(Stop::differ("an answer", "none")),
    }
}

fn count(step: usize) -> u32 {
    u32::try_from(step + 1).unwrap_or(u32::MAX)
}
