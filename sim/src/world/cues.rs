//! The faults that wait for an event, and the event that each waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::control::{COORDINATORS, World};
use super::flaps::Turn;
use crate::history::{Event, Place, VoteKind, Word};
use crate::lock::lock;
use crate::parts::Parts;
use crate::scenario::{Cue, Sight, When};
use crate::sentry::Sign;

/// A fault of the schedule ends, begins or takes a turn, by number; at one time, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stroke {
    End(usize),
    Begin(usize),
    Turn(usize),
}

/// What is still waited for, and who is told of strokes that come later.
pub(super) struct Cues {
    waiting: Mutex<Vec<Waiting>>,
    later: UnboundedSender<(Duration, Stroke)>,
    /// The faults that have begun, and when.
    begun: Mutex<BTreeMap<usize, Duration>>,
    /// For whoever carries them out.
    come: Mutex<Option<UnboundedReceiver<(Duration, Stroke)>>>,
}

struct Waiting {
    fault: usize,
    cue: Cue,
    after: Duration,
    seen: u32,
}

impl Default for Cues {
    fn default() -> Self {
        let (later, come) = mpsc::unbounded();
        let (waiting, begun) = (Mutex::default(), Mutex::default());
        Self { waiting, later, begun, come: Mutex::new(Some(come)) }
    }
}

impl Cues {
    /// The strokes that come later, when each is due. There is one who takes them.
    pub(super) fn strokes(&self) -> UnboundedReceiver<(Duration, Stroke)> {
        lock(&self.come).take().expect("they are taken once")
    }

    /// The faults that have begun, by number, and when each did.
    pub(super) fn begun(&self) -> BTreeMap<usize, Duration> {
        lock(&self.begun).clone()
    }

    /// All faults have ended: nothing is waited for.
    pub(super) fn clear(&self) {
        lock(&self.waiting).clear();
    }

    /// Something is due at a time.
    pub(super) fn later(&self, due: Duration, stroke: Stroke) {
        // The run is over, or about to be.
        let _gone = self.later.unbounded_send((due, stroke));
    }

    /// The faults whose time has come with this.
    fn come(&self, sight: Sight, place: Option<Place>) -> Vec<(usize, Duration)> {
        let mut come = Vec::new();
        lock(&self.waiting).retain_mut(|one| {
            let meant = one.cue.event == sight && (one.cue.at.is_none() || one.cue.at == place);
            one.seen += u32::from(meant);
            let has_come = meant && one.seen == one.cue.nth;
            if has_come {
                come.push((one.fault, one.after));
            }
            !has_come
        });
        come
    }
}

impl<P: Parts> World<P> {
    /// Has every fault that waits for an event hear of it.
    pub(super) fn listen(self: &Arc<Self>) {
        let faults = self.scenario.faults.iter().enumerate();
        let waiting = faults.filter_map(|(fault, it)| match it.when {
            When::On(cue, us) => {
                Some(Waiting { fault, cue, after: Duration::from_micros(us), seen: 0 })
            }
            When::At(_) => None,
        });
        let waiting: Vec<Waiting> = waiting.collect();
        if waiting.is_empty() {
            return;
        }
        *lock(&self.cues.waiting) = waiting;
        let world = Arc::downgrade(self);
        self.sentry.post(move |sign| {
            if let Some(world) = world.upgrade() {
                world.hear_of(sign);
            }
        });
    }

    fn hear_of(self: &Arc<Self>, sign: Sign<'_>) {
        if let Some((sight, place)) = sight(&sign) {
            self.has_come(sight, place);
        }
        if let Some(place) = step(&sign) {
            self.has_come(Sight::Step, Some(place));
        }
    }

    fn has_come(self: &Arc<Self>, sight: Sight, place: Option<Place>) {
        for (fault, after) in self.cues.come(sight, place) {
            let begin = self.events.now() + after;
            if after.is_zero() {
                self.strike(Stroke::Begin(fault));
            } else {
                self.cues.later(begin, Stroke::Begin(fault));
            }
            let lasts = Duration::from_millis(self.scenario.faults[fault].for_ms);
            self.cues.later(begin + lasts, Stroke::End(fault));
        }
    }

    /// A fault begins or ends, now.
    pub(super) fn strike(self: &Arc<Self>, stroke: Stroke) {
        match stroke {
            Stroke::Begin(index) => {
                lock(&self.cues.begun).insert(index, self.events.now());
                self.begin(&self.scenario.faults[index]);
                self.turn(index, Turn::Begins);
            }
            Stroke::Turn(index) => self.turn(index, Turn::Comes),
            Stroke::End(index) => {
                self.turn(index, Turn::Ends);
                self.end(&self.scenario.faults[index].kind);
            }
        }
    }
}

/// What a fault can wait for in this.
fn sight(sign: &Sign<'_>) -> Option<(Sight, Option<Place>)> {
    let word = |to, word| {
        let sight = match word {
            Word::Prepare => Sight::Prepare,
            Word::Commit => Sight::Commit,
            Word::Abort => Sight::Abort,
            Word::OnePhase => Sight::OnePhase,
            Word::List
            | Word::Vote
            | Word::OnePhaseAnswer
            | Word::Acknowledgement
            | Word::Other => return None,
        };
        Some((sight, Some(place_of(to))))
    };
    match *sign {
        Sign::Event(event) => of_event(event),
        // A sweep asks them all; the first of them counts.
        Sign::Sent { from, to: COORDINATORS, word: Word::List } => {
            Some((Sight::Sweep, Some(place_of(from))))
        }
        Sign::Received { to, word: what, .. } => word(to, what),
        Sign::Disk { place, sync: true, done: true } => Some((Sight::Sync, Some(place))),
        Sign::Sent { .. } | Sign::Disk { .. } => None,
    }
}

/// Where a place meets the world in this, if one does.
fn step(sign: &Sign<'_>) -> Option<Place> {
    match *sign {
        Sign::Event(_) => None,
        Sign::Sent { from, .. } => Some(place_of(from)),
        Sign::Received { to, .. } => Some(place_of(to)),
        Sign::Disk { place, .. } => Some(place),
    }
}

/// Whose address this is; of the stranger beside the places, that of no participant.
const fn place_of(node: u8) -> Place {
    if node < COORDINATORS {
        Place::Coordinator(node)
    } else {
        Place::Participant(node - COORDINATORS)
    }
}

/// What a fault can wait for in an event that is written down.
pub(crate) fn of_event(event: &Event) -> Option<(Sight, Option<Place>)> {
    let participant = |sight, p| Some((sight, Some(Place::Participant(p))));
    match *event {
        Event::Began { by, .. } => Some((Sight::Begin, Some(by))),
        Event::AskedCommit { .. } => Some((Sight::AskCommit, None)),
        Event::Answered { .. } => Some((Sight::Answer, None)),
        Event::Asked { by, .. } => Some((Sight::Ask, Some(by))),
        Event::Heard { by, .. } => Some((Sight::Hear, Some(by))),
        Event::Voted { p, vote: VoteKind::Yes, .. } => participant(Sight::Vote, p),
        Event::Deciding { .. } => Some((Sight::Force, None)),
        Event::Decided { .. } => Some((Sight::Decision, None)),
        Event::Ended { p, .. } => participant(Sight::End, p),
        Event::Forgotten { by, .. } => Some((Sight::Forget, Some(by))),
        Event::Opened { by, .. } => Some((Sight::Open, Some(by))),
        Event::LogRead { by, .. } => Some((Sight::Read, Some(by))),
        Event::Voted { .. }
        | Event::Run { .. }
        | Event::Seeded { .. }
        | Event::Enlisted { .. }
        | Event::Promised { .. }
        | Event::Left { .. }
        | Event::Swept { .. }
        | Event::LetGo { .. }
        | Event::DriverEnded { .. }
        | Event::Status { .. }
        | Event::Expired { .. }
        | Event::OperatorEnded { .. }
        | Event::Forgot { .. }
        | Event::ForgotUnprepared { .. }
        | Event::SessionsEnded { .. }
        | Event::Untold { .. }
        | Event::StandbyCutOff { .. }
        | Event::FailedOver { .. }
        | Event::Trespassed { .. }
        | Event::RivalStarted
        | Event::Acknowledged { .. }
        | Event::HeuristicReported { .. }
        | Event::ForceFailed { .. }
        | Event::OpenFailed { .. }
        | Event::GaveUp { .. }
        | Event::LogUnreadable { .. }
        | Event::Found { .. }
        | Event::WriteFailed { .. }
        | Event::Crashed { .. }
        | Event::Started { .. }
        | Event::Cut { .. }
        | Event::Mended { .. }
        | Event::TakenOver
        | Event::DiskFaulty { .. }
        | Event::Ails { .. }
        | Event::OfService { .. }
        | Event::Ordered { .. }
        | Event::Disagreed { .. }
        | Event::Panicked { .. }
        | Event::Healed
        | Event::Quiesced
        | Event::Overran
        | Event::Row { .. }
        | Event::StillPrepared { .. }
        | Event::StillLocked { .. }
        | Event::StillUnfinished { .. }
        | Event::Foreign { .. } => None,
    }
}
