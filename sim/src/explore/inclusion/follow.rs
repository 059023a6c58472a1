//! One transaction, followed through a history.
//!
//! All candidates are kept for which the explorer allows what has been told so far. Where a
//! history leaves open what happened, each possibility is a candidate; where doing a thing
//! later is as good, it is done when the history shows that it has been. A request on its way is
//! never taken off it: a second copy could come at any time, which allows whatever the first
//! one alone allows.

use std::collections::BTreeMap;

use super::candidate::{Candidate, Wish};
use super::last_of;
use super::log::{is_deciding, is_noted, tells};
use crate::explore::rules::Shipped;
use crate::explore::state::{State, Told as Claimed};
use crate::explore::system::System;
use crate::history::{Event, Place, Reading, Reason, Told, Tx};
use crate::story::{Action, MAX_COORDINATORS, MAX_FAULTS, Refusal};

/// The only transaction of the systems that are used here.
pub(super) const T: u8 = 0;

/// What is going on beside the transactions.
#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    /// The coordinators, with nothing begun; nobody has opened the log at first.
    pub(super) epochs: [u64; MAX_COORDINATORS],
    /// Of the latest opening.
    pub(super) log_epoch: u64,
    /// Coordinators that are up and have not opened the log: they may have taken an epoch.
    pub(super) opening: [bool; MAX_COORDINATORS],
    /// Coordinators whose last life ended in their opening of the log.
    pub(super) cut_short: [bool; MAX_COORDINATORS],
    /// Whether a call of the log has failed in this run: then a commit may be refused before
    /// anything is prepared.
    unwell: bool,
}

impl Scene {
    pub(super) fn note(&mut self, event: &Event) {
        match *event {
            Event::ForceFailed { fenced: false, .. }
            | Event::LogUnreadable { .. }
            | Event::LogRead { reading: Reading::Unreadable | Reading::GivenUp, .. } => {
                self.unwell = true;
            }
            Event::Started { place: Place::Coordinator(c) } => self.opening[usize::from(c)] = true,
            Event::Opened { by: Place::Coordinator(c), epoch, .. } => {
                self.opening[usize::from(c)] = false;
                self.epochs[usize::from(c)] = epoch;
                self.log_epoch = epoch;
            }
            Event::Crashed { place: Place::Coordinator(c) } => {
                let opening = &mut self.opening[usize::from(c)];
                self.cut_short[usize::from(c)] = std::mem::take(opening);
                self.epochs[usize::from(c)] = 0;
            }
            _ => {}
        }
    }

    /// A state with these openings.
    fn state(&self, system: &System<Shipped>) -> State {
        let mut state = system.initial();
        let mut taken: Vec<u64> = self.epochs.into_iter().chain([0, self.log_epoch]).collect();
        taken.sort_unstable();
        taken.dedup();
        let rank = |epoch: u64| taken.iter().filter(|one| **one < epoch).count() as u8;
        for (coordinator, epoch) in state.coordinators.iter_mut().zip(self.epochs) {
            coordinator.epoch = rank(epoch);
        }
        state.log_epoch = rank(self.log_epoch);
        state.budget = MAX_FAULTS;
        state
    }
}

/// A transaction, and where it can be.
pub(super) struct Thread<'a> {
    pub(super) system: &'a System<Shipped>,
    tx: Tx,
    /// The participants at which it has a branch, in the order of their numbers.
    places: Vec<u8>,
    candidates: Vec<Candidate>,
    /// Branches that the client is known to have, as bits.
    enlisted: u8,
    /// The client has asked to commit.
    pub(super) asked: bool,
    /// Something has happened that the explorer does not have, so that from then on everything is
    /// allowed: an operator has seen to what cannot be told, or a failover taken back what was durable.
    beyond: bool,
}

impl<'a> Thread<'a> {
    /// A transaction that a client of this coordinator has begun. Whether it will ask for a
    /// commit is open, and whether that will be refused; until it asks nothing is sent. For
    /// whichever reason a commit is refused, the same comes of it: the reason here is one that is
    /// always possible.
    pub(super) fn begun(
        system: &'a System<Shipped>,
        tx: Tx,
        places: Vec<u8>,
        c: u8,
        scene: &Scene,
    ) -> Self {
        let begun = |(wish, action)| {
            let start = Candidate::at(scene.state(system), wish);
            start.after(system, [action])
        };
        let wishes = [
            (Wish::Commit, Action::Begin { t: T, c, commit: true }),
            (Wish::Rollback, Action::Begin { t: T, c, commit: false }),
            (Wish::RefusedCommit, Action::RefuseCommit { t: T, c, refusal: Refusal::Incomplete }),
        ];
        let candidates = wishes.into_iter().filter_map(begun).collect();
        Self { system, tx, places, candidates, enlisted: 0, asked: false, beyond: false }
    }

    pub(super) const fn tx(&self) -> Tx {
        self.tx
    }

    /// Whether the event has to do with the transaction.
    pub(super) fn concerns(&self, event: &Event) -> bool {
        match event {
            _ if self.beyond => false,
            Event::Crashed { place: Place::Participant(p) }
            | Event::Forgot { p }
            | Event::ForgotUnprepared { p }
            | Event::FailedOver { p } => self.places.contains(p),
            Event::Crashed { .. } | Event::Opened { .. } => true,
            other => other.tx() == Some(self.tx),
        }
    }

    /// Goes on with those candidates that explain the event.
    ///
    /// # Errors
    /// None does; the ways to where it could have been.
    pub(super) fn hear(&mut self, event: &Event, scene: &Scene) -> Result<(), Vec<String>> {
        if let Event::Enlisted { p, .. } = event {
            self.enlisted |= self.place(*p).map_or(0, |p| 1 << p);
        }
        self.asked |= matches!(event, Event::AskedCommit { .. });
        self.beyond |= matches!(event, Event::Acknowledged { .. } | Event::FailedOver { .. });
        let mut next = BTreeMap::new();
        for candidate in &self.candidates {
            for after in self.explain(candidate, event, scene) {
                next.entry(after.key()).or_insert(after);
            }
        }
        if next.is_empty() {
            return Err(self.candidates.iter().take(3).map(last_of).collect());
        }
        self.candidates = next.into_values().collect();
        Ok(())
    }

    /// A way through all of it.
    ///
    /// # Errors
    /// There is none on which everything durable was seen.
    pub(super) fn end(self) -> Result<Vec<Action>, Vec<String>> {
        let seen = self.candidates.iter().find(|one| one.early == 0 || self.beyond);
        match seen {
            Some(candidate) => Ok(candidate.way()),
            None => Err(self.candidates.iter().take(3).map(last_of).collect()),
        }
    }

    fn explain(&self, at: &Candidate, event: &Event, scene: &Scene) -> Vec<Candidate> {
        match *event {
            Event::Crashed { place: Place::Participant(p) }
            | Event::Forgot { p }
            | Event::ForgotUnprepared { p }
            | Event::Asked { p, .. }
            | Event::Heard { p, .. }
            | Event::GaveUp { p, .. }
            | Event::Voted { p, .. }
            | Event::Ended { p, .. }
            | Event::OperatorEnded { p, .. }
            | Event::Expired { p, .. }
            | Event::Untold { p, .. }
            | Event::HeuristicReported { p, .. } => match self.place(p) {
                Some(p) => self.explain_at(at, p, event),
                // Of a request to begin whose answer never came, or that came twice.
                None if matches!(event, Event::Expired { .. }) => vec![at.clone()],
                None => Vec::new(),
            },
            Event::Crashed { place } => self.died(at, number(place), scene),
            Event::Opened { by, ref unfinished, .. } => {
                self.opened(at, number(by), unfinished.contains(&self.tx))
            }
            Event::Deciding { branches, .. } => at.kept(is_deciding(at, branches)),
            Event::Decided { .. } => self.decided(at),
            Event::ForceFailed { fenced, .. } => self.force_failed(at, fenced, scene),
            Event::LogRead { by, reading, .. } => self.log_read(at, number(by), reading, scene),
            Event::Forgotten { by, .. } => at.kept(is_noted(at, number(by))),
            Event::AskedCommit { .. } => self.asked_commit(at, scene),
            Event::Answered { told, ref pending, ref heuristic, ref reason, .. }
                if *reason != Some(Reason::Undriven) =>
            {
                self.answered(at, told, pending, heuristic)
            }
            Event::Status { told, .. } => at.kept(tells(at, told)),
            // Of these nothing follows for where it is. An answer is then the word of a handle whose
            // coordinator is not driven: its machine says nothing any more.
            Event::Answered { .. }
            | Event::Run { .. }
            | Event::Seeded { .. }
            | Event::Began { .. }
            | Event::Enlisted { .. }
            | Event::Promised { .. }
            | Event::Left { .. }
            | Event::Swept { .. }
            | Event::LetGo { .. }
            | Event::DriverEnded { .. }
            | Event::StandbyCutOff { .. }
            | Event::SessionsEnded { .. }
            | Event::FailedOver { .. }
            | Event::Trespassed { .. }
            | Event::RivalStarted
            | Event::Found { .. }
            | Event::WriteFailed { .. }
            | Event::Acknowledged { .. }
            | Event::OpenFailed { .. }
            | Event::LogUnreadable { .. }
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
            | Event::Foreign { .. } => vec![at.clone()],
        }
    }

    /// The same of an event at the place of one of its branches.
    fn explain_at(&self, at: &Candidate, p: u8, event: &Event) -> Vec<Candidate> {
        match *event {
            Event::Crashed { .. } => {
                // The branch may not have been begun there yet.
                let unbegun = (self.enlisted & 1 << p == 0).then(|| at.clone());
                self.crashed(at, p).into_iter().chain(unbegun).collect()
            }
            Event::Asked { by, ask, .. } => self.asked(at, p, number(by), ask),
            Event::Heard { by, ask, heard, .. } => self.heard(at, p, number(by), ask, heard),
            Event::GaveUp { by, ask, .. } => self.gave_up(at, p, number(by), ask),
            Event::Voted { vote, .. } => self.voted(at, p, vote),
            Event::Ended { committed, one_phase, by_recovery, .. } => {
                self.ended(at, p, committed, one_phase, by_recovery)
            }
            Event::OperatorEnded { committed, .. } => self.ended_by_operator(at, p, committed),
            Event::Expired { .. } => self.expired(at, p),
            // Or it can tell all the same.
            Event::Forgot { .. } | Event::Untold { .. } | Event::ForgotUnprepared { .. } => {
                [self.forgot(at, p), vec![at.clone()]].concat()
            }
            _ => {
                let reported = at.state.txs[0].reported & 1 << p != 0;
                at.kept(reported)
            }
        }
    }

    /// The number of its branch at a participant, which is the participant's in the explorer.
    fn place(&self, p: u8) -> Option<u8> {
        self.places.iter().position(|place| *place == p).map(|place| place as u8)
    }

    /// The client asks to commit. A coordinator that has been succeeded, and knows, refuses; so
    /// does one whose log was unwell. That it is still unwell shows only after this.
    fn asked_commit(&self, at: &Candidate, scene: &Scene) -> Vec<Candidate> {
        let succeeded = || !self.succeeded(at, at.state.txs[0].epoch, scene).is_empty();
        at.kept(match at.wish {
            Wish::Commit => true,
            Wish::Rollback => false,
            Wish::RefusedCommit => scene.unwell || succeeded(),
        })
    }

    /// The client is told what the machine has answered, or answers at a deadline. Who is
    /// prepared now has been named as pending, and who was reported may be named as heuristic.
    fn answered(
        &self,
        at: &Candidate,
        told: Told,
        pending: &[u8],
        heuristic: &[u8],
    ) -> Vec<Candidate> {
        let claim = match told {
            Told::Committed => Claimed::Committed,
            Told::Aborted => Claimed::Aborted,
            Told::InDoubt | Told::Expired | Told::NeverBegun => Claimed::Nothing,
        };
        let (Some(pending), Some(heuristic)) = (self.bits(pending), self.bits(heuristic)) else {
            return Vec::new();
        };
        let named = |candidate: &Candidate| {
            let tx = &candidate.state.txs[0];
            let prepared = self.system.prepared(&candidate.state, 0);
            let owed = if told == Told::Committed { prepared & !pending } else { 0 };
            owed == 0 && pending & !tx.named == 0 && heuristic & !tx.reported == 0
        };
        let overdue = [Action::AcknowledgeOverdue { t: T }, Action::ForceOverdue { t: T }];
        let late = overdue.into_iter().filter_map(|action| at.after(self.system, [action]));
        late.chain([at.clone()])
            .filter(|candidate| candidate.state.txs[0].told == claim && named(candidate))
            .collect()
    }

    /// Participants as the bits of their branches.
    fn bits(&self, participants: &[u8]) -> Option<u8> {
        participants.iter().try_fold(0, |bits, p| Some(bits | 1 << self.place(*p)?))
    }
}

const fn number(place: Place) -> u8 {
    match place {
        Place::Coordinator(number) | Place::Participant(number) => number,
    }
}
