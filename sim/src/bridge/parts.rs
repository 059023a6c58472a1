//! What a run in the hands of a director is made of: the shipped parts, each call of a coordinator
//! left at a desk, and on top of that whatever bends a step.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::mpsc::UnboundedSender;
use indoubt::{Clock, Coordinator, CoordinatorId, Deadlines, DecisionLog};
use indoubt_real::log::{FileLog, Options};

use super::desk::{Desk, DeskClock, Held};
use super::seams::{DeskLine, DeskLog};
use crate::bend::{Bend, BendDisk, BentLog, BentParticipant, Drive};
use crate::clock::NodeClock;
use crate::database::{Durable, Message, Recorded, Server, SimKind, SimParticipant};
use crate::edge::{Attended, Watched, Witness};
use crate::history::Place;
use crate::lock::lock;
use crate::net::{Endpoint, NodeId};
use crate::parts::{FileLogs, Kind, Logs, Node, Parts, Process, Terms, WatchedLog};
use crate::scenario::Scenario;

/// Longer than any run.
const NEVER: Duration = Duration::from_secs(1 << 20);

/// The parts of an ordered run.
pub(super) struct Bridged<B: Bend> {
    pub(super) stage: Arc<Stage<B>>,
    logs: OrderedLogs,
    kind: DeskKind,
}

// Derived, it would ask the same of the bend.
impl<B: Bend> Clone for Bridged<B> {
    fn clone(&self) -> Self {
        Self { stage: self.stage.clone(), logs: self.logs, kind: self.kind.clone() }
    }
}

impl<B: Bend> Bridged<B> {
    /// The calls of all coordinators go to `left`. The log has to forget that a transaction ever
    /// was, if it `expires`.
    pub(super) fn new(left: UnboundedSender<Held>, expires: bool) -> Self {
        let (stage, logs, kind) =
            (Arc::new(Stage(Mutex::default())), OrderedLogs { expires }, DeskKind { left });
        Self { stage, logs, kind }
    }
}

/// The coordinators that are up, by number.
pub(super) struct Stage<B: Bend>(Mutex<BTreeMap<u8, Acting<B>>>);

impl<B: Bend> Stage<B> {
    pub(super) fn leave(&self, c: u8) -> Option<Acting<B>> {
        lock(&self.0).remove(&c)
    }

    pub(super) fn acting(&self, c: u8) -> Option<Acting<B>> {
        lock(&self.0).get(&c).cloned()
    }

    pub(super) fn all(&self) -> BTreeMap<u8, Acting<B>> {
        lock(&self.0).clone()
    }
}

/// A participant of a coordinator, as it has it.
pub(super) type ParticipantOf<B> = BentParticipant<B, Attended<SimParticipant<DeskLine>>>;

/// A coordinator's log as it is, whatever calls are held.
pub(super) type DirectLog<B> = Arc<WatchedLog<Bridged<B>>>;

/// A coordinator that is up.
pub(super) struct Acting<B: Bend> {
    pub(super) coordinator: Coordinator,
    pub(super) participants: Vec<ParticipantOf<B>>,
    pub(super) log: DirectLog<B>,
    /// Who writes the process's history.
    pub(super) witness: Witness,
}

impl<B: Bend> Clone for Acting<B> {
    fn clone(&self) -> Self {
        Self {
            coordinator: self.coordinator.clone(),
            participants: self.participants.clone(),
            log: self.log.clone(),
            witness: self.witness.clone(),
        }
    }
}

/// What the parts of one process have in common.
pub(super) struct AtDesk<B> {
    bend: Arc<B>,
    desk: Desk,
}

impl<B: Bend> Parts for Bridged<B> {
    type Logs = OrderedLogs;
    type Kind = DeskKind;
    type Participant = ParticipantOf<B>;
    type Common = AtDesk<B>;

    fn common(&self, place: Place) -> AtDesk<B> {
        AtDesk { bend: Arc::default(), desk: self.kind.desk(place) }
    }

    fn disk_bend(&self, place: Place) -> Option<Box<dyn BendDisk>> {
        B::disk(place)
    }

    fn logs(&self) -> &OrderedLogs {
        &self.logs
    }

    fn log(&self, log: Watched<FileLog<Drive>>, common: &AtDesk<B>) -> impl DecisionLog + use<B> {
        let log = DeskLog { log, desk: common.desk.clone() };
        BentLog::new(Arc::new(log), common.bend.clone())
    }

    fn clock(&self, _: NodeClock, common: &AtDesk<B>) -> impl Clock + use<B> {
        DeskClock(common.desk.clone())
    }

    fn kind(&self) -> &DeskKind {
        &self.kind
    }

    fn participant(
        &self,
        participant: Attended<SimParticipant<DeskLine>>,
        common: &AtDesk<B>,
    ) -> ParticipantOf<B> {
        BentParticipant::new(participant, common.bend.clone())
    }

    fn seeded(&self, _: &Scenario, _: u8) -> Vec<(u64, i64)> {
        vec![(0, 1_000)]
    }

    fn marks(&self) -> bool {
        true
    }

    /// Nothing happens by time alone, and by the length of a wait the director knows what is
    /// waited for.
    fn terms(&self, scenario: &Scenario) -> Terms {
        let terms = Terms::of(scenario);
        let force = terms.deadlines.force + Duration::from_millis(1);
        let deadlines = Deadlines { force, ..terms.deadlines };
        Terms { deadlines, idle: NEVER, rival: false, calm: false, waits: None }
    }

    fn come_up(&self, process: Process<Self>, _: &AtDesk<B>) {
        let Process { coordinator, participants, log, witness, .. } = process;
        // What the process has begun may still land when it has ended, and is then seen.
        let log = Arc::new(log.seen_by(witness.beyond()));
        lock(&self.stage.0)
            .insert(number(witness.by()), Acting { coordinator, participants, log, witness });
    }
}

const fn number(place: Place) -> u8 {
    match place {
        Place::Coordinator(number) | Place::Participant(number) => number,
    }
}

/// The file log, opened as the order needs it.
#[derive(Clone, Copy)]
pub(super) struct OrderedLogs {
    expires: bool,
}

/// How many finished commits a log remembers that has to forget one by order.
const REMEMBERED: usize = 2;

impl Logs for OrderedLogs {
    type Log = FileLog<Drive>;

    async fn open(
        &self,
        disk: Drive,
        id: CoordinatorId,
        scenario: &Scenario,
    ) -> Result<FileLog<Drive>, Box<dyn Error + Send + Sync>> {
        let mut options = FileLogs::options(scenario);
        if self.expires {
            options = Options { remembered: REMEMBERED, ranges: 0, ..options };
        }
        Ok(FileLog::open(disk, id, options).await?)
    }
}

/// The simulated database, the protocol's requests to it left at desks.
#[derive(Clone)]
pub(super) struct DeskKind {
    left: UnboundedSender<Held>,
}

impl DeskKind {
    fn desk(&self, place: Place) -> Desk {
        Desk::new(number(place), self.left.clone())
    }
}

impl Kind for DeskKind {
    type Message = Message;
    type Line = DeskLine;
    type Participant = SimParticipant<DeskLine>;
    type Server = Server;
    type Kept = (Durable, Recorded);

    fn kept(&self, p: u8, rows: &[(u64, i64)]) -> Self::Kept {
        SimKind.kept(p, rows)
    }

    fn line(&self, place: Place, endpoint: Endpoint<Message>, life: u64) -> DeskLine {
        DeskLine { rpc: SimKind.line(place, endpoint, life), desk: self.desk(place) }
    }

    fn participant(&self, p: u8, node: NodeId, line: &DeskLine) -> SimParticipant<DeskLine> {
        SimParticipant::new(p, node, line.clone())
    }

    async fn start(&self, node: Node<Self>) -> Result<Server, (Endpoint<Message>, io::Error)> {
        let Node { site, disk, endpoint, kept } = node;
        SimKind.start(Node { site, disk, endpoint, kept }).await
    }
}
