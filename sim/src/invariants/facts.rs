//! A history, learned event by event, and judged after each.
//!
//! What is known of a transaction grows with the events that concern it, and after each of them
//! every claim on it is asked. So a wrong state is seen that later events would have covered.

use std::collections::BTreeMap;

use super::claims;
use super::failover::Standby;
use super::invariant::Invariant;
use super::known::{Answered, Known, Participants};
use crate::history::{Event, History, Place, ServiceEvent, Told, Tx, VoteKind};

/// A place in the history: events are compared by it, not by their times, which can be equal.
pub(super) type Index = usize;

/// What is known of one transaction, and what only a run's own claims are about.
#[derive(Debug, Default)]
pub struct TxFacts {
    /// What all claims are about.
    pub known: Known,
    /// When the decision is first known to have been durable.
    pub decided: Option<Index>,
    /// When it was first forgotten.
    pub forgotten: Option<Index>,
    /// Where it ended after it had ended.
    pub ended_again: Participants,
    /// Where its session was left behind until it expired.
    pub expired: Participants,
    /// Where its branch was lost in a failover.
    pub lost: Participants,
    /// The client asked to commit, and waits for the answer.
    waits: bool,
    /// A participant voted no.
    refused: bool,
    /// The last one who asked by gid was told that it is in doubt.
    in_doubt: bool,
}

/// An opening of the decision log.
#[derive(Debug)]
pub struct Opening<'a> {
    /// When.
    pub at: Index,
    /// The epoch that it took.
    pub epoch: u64,
    /// The decisions that it found unfinished.
    pub unfinished: &'a [Tx],
}

/// A history, sorted by what it is about.
#[derive(Debug, Default)]
pub struct Facts<'a> {
    /// By transaction.
    pub txs: BTreeMap<Tx, TxFacts>,
    /// The claims on single transactions that broke, each with what broke it first.
    pub broken: BTreeMap<Invariant, String>,
    /// Openings of the log, in order.
    pub openings: Vec<Opening<'a>>,
    /// Nothing in the run could fail.
    pub calm: bool,
    /// Transactions leave markers.
    pub marked: bool,
    /// What a part of the run panicked with.
    pub panic: Option<&'a str>,
    /// Where the explorer has something else.
    pub disagreement: Option<&'a str>,
    /// Everything came to rest within the bound.
    pub quiesced: bool,
    /// Rows before the run.
    pub seeded: BTreeMap<(u8, u64), i64>,
    /// Rows at the end.
    pub rows: BTreeMap<(u8, u64), i64>,
    /// Participants with rows that are locked at the end.
    pub locked: Vec<&'a Event>,
    /// What had become durable at a participant, and was not found there when it was opened again.
    pub undone: Option<String>,
    /// A service of one's own has begun and not returned, and what it said last, if anything.
    pub service: Option<&'a str>,
    /// Foreign branches that are no longer as they were, and our own that a stranger has ended.
    pub foreign: Vec<&'a Event>,
    /// Standbys that receive nothing more, by participant.
    standbys: BTreeMap<u8, Standby>,
}

/// A participant as a set. A scenario has far fewer participants than a word has bits.
const fn only(p: u8) -> Participants {
    1 << (p as u32 % Participants::BITS)
}

fn all(places: &[u8]) -> Participants {
    places.iter().fold(0, |all, p| all | only(*p))
}

impl<'a> Facts<'a> {
    /// The facts of a history.
    pub fn of(history: &'a History) -> Self {
        let mut facts = Self::default();
        for (at, event) in history.events().enumerate() {
            facts.add(at, event);
        }
        facts.learn_of_all(|tx| tx.known.left.unanswered = tx.waits);
        facts
    }

    /// Changes what is known of a transaction, and asks every claim on it.
    fn learn(&mut self, id: Tx, change: impl FnOnce(&mut TxFacts)) {
        let tx = self.txs.entry(id).or_default();
        let before = tx.known;
        change(tx);
        tx.known.undisturbed = self.calm && !tx.refused;
        let broken = &mut self.broken;
        let mut note = |invariant, breach| {
            broken.entry(invariant).or_insert_with(|| format!("{id} {breach}"));
        };
        if let Err(breach) = claims::stability(&before, &tx.known) {
            note(Invariant::Stability, breach);
        }
        claims::judge(&tx.known, note);
        // It was given at this moment, and not at any later one.
        tx.known.answer = None;
    }

    fn learn_of_all(&mut self, change: impl Fn(&mut TxFacts)) {
        let ids: Vec<_> = self.txs.keys().copied().collect();
        for id in ids {
            self.learn(id, &change);
        }
    }

    /// What is prepared stays prepared until it ends, and what has ended stays so.
    fn find(&mut self, p: u8, prepared: &[Tx]) {
        let strange = self.txs.iter().find_map(|(id, tx)| {
            let (was, is) = (tx.known.prepared() & only(p) != 0, prepared.contains(id));
            let had_ended = tx.known.outcomes.ended() & only(p) != 0;
            let place = Place::Participant(p);
            match (was, is) {
                (true, false) => Some(format!("{id} was prepared at {place}, and is lost there")),
                (_, true) if had_ended => {
                    Some(format!("{id} had ended at {place}, and is prepared there again"))
                }
                _ => None,
            }
        });
        self.undone = self.undone.take().or(strange);
    }

    fn fail_over(&mut self, p: u8) {
        let standby = self.standbys.remove(&p).unwrap_or_default();
        for (id, tx) in &mut self.txs {
            standby.take_back(*id, tx, only(p));
        }
        self.learn_of_all(|_| {});
    }

    fn add(&mut self, at: Index, event: &'a Event) {
        match *event {
            Event::Run { calm, marked, .. } => {
                self.calm = calm;
                self.marked = marked;
            }
            Event::Panicked { ref what } => self.panic = Some(what),
            Event::Disagreed { ref what, .. } => self.disagreement = Some(what),
            Event::Found { p, ref prepared } => self.find(p, prepared),
            Event::Seeded { p, key, value } => drop(self.seeded.insert((p, key), value)),
            Event::Row { p, key, value } => drop(self.rows.insert((p, key), value)),
            Event::Opened { epoch, ref unfinished, .. } => {
                self.openings.push(Opening { at, epoch, unfinished });
                for id in unfinished {
                    self.learn(*id, |tx| tx.decide(at));
                }
            }
            Event::Status { tx, told, .. } => {
                let newest = self.openings.iter().map(|opening| opening.epoch).max();
                self.learn(tx, |facts| facts.told_by_gid(told, newest > Some(tx.epoch)));
            }
            Event::Quiesced => {
                self.quiesced = true;
                self.learn_of_all(TxFacts::come_to_rest);
            }
            Event::StillLocked { .. } => self.locked.push(event),
            Event::Foreign { expected, found, .. } => {
                if expected != found {
                    self.foreign.push(event);
                }
            }
            Event::Trespassed { .. } => self.foreign.push(event),
            Event::OfService { ref what } => self.serve(what),
            Event::StandbyCutOff { p } => {
                self.standbys.insert(p, Standby::of(&self.txs, only(p)));
            }
            Event::FailedOver { p } => self.fail_over(p),
            Event::Forgot { p } => self.learn_of_all(|tx| tx.forget_how_it_ended(p)),
            Event::ForgotUnprepared { p } => self.learn_of_all(|tx| tx.lose_track_of(p)),
            Event::Enlisted { .. }
            | Event::AskedCommit { .. }
            | Event::Left { .. }
            | Event::Answered { .. }
            | Event::Voted { .. }
            | Event::Ended { .. }
            | Event::Expired { .. }
            | Event::Untold { .. }
            | Event::OperatorEnded { .. }
            | Event::HeuristicReported { .. }
            | Event::Decided { .. }
            | Event::Forgotten { .. }
            | Event::StillPrepared { .. }
            | Event::StillUnfinished { .. } => self.add_of_one(at, event),
            // What these say, the others say too, or no claim is about it: what a coordinator only
            // asks, hears and reads, and what befalls places.
            Event::Began { .. }
            | Event::Promised { .. }
            | Event::Swept { .. }
            | Event::LetGo { .. }
            | Event::DriverEnded { .. }
            | Event::Acknowledged { .. }
            | Event::Deciding { .. }
            | Event::ForceFailed { .. }
            | Event::OpenFailed { .. }
            | Event::Asked { .. }
            | Event::Heard { .. }
            | Event::GaveUp { .. }
            | Event::LogRead { .. }
            | Event::LogUnreadable { .. }
            | Event::RivalStarted
            | Event::WriteFailed { .. }
            | Event::Crashed { .. }
            | Event::Started { .. }
            | Event::Cut { .. }
            | Event::Mended { .. }
            | Event::TakenOver
            | Event::DiskFaulty { .. }
            | Event::Ails { .. }
            | Event::SessionsEnded { .. }
            | Event::Ordered { .. }
            | Event::Healed
            | Event::Overran => {}
        }
    }

    fn serve(&mut self, what: &'a ServiceEvent) {
        match what {
            ServiceEvent::Begins { .. } => self.service = Some(""),
            ServiceEvent::Says { line, .. } => self.service = Some(line),
            ServiceEvent::Returns { .. } => self.service = None,
            ServiceEvent::Serves { .. }
            | ServiceEvent::Commits { .. }
            | ServiceEvent::EndsWith { .. }
            | ServiceEvent::LooksInto { .. } => {}
        }
    }

    /// Of events that concern one transaction and need no more than it.
    fn add_of_one(&mut self, at: Index, event: &Event) {
        match *event {
            Event::Enlisted { tx, p } => self.learn(tx, |tx| tx.known.enlisted |= only(p)),
            Event::AskedCommit { tx } => self.learn(tx, |tx| tx.waits = true),
            Event::Left { tx } => self.learn(tx, |tx| tx.waits = false),
            Event::Answered { tx, told, ref pending, ref heuristic, .. } => {
                let committed = told == Told::Committed;
                let (pending, heuristic) = (all(pending), all(heuristic));
                self.learn(tx, |tx| tx.answer(told, Answered { committed, pending, heuristic }));
            }
            Event::Voted { tx, p, vote } => self.learn(tx, |tx| tx.vote(p, vote)),
            Event::Ended { tx, p, committed, one_phase, .. } => {
                self.learn(tx, |tx| tx.end(p, committed, one_phase));
            }
            Event::Expired { tx, p } => self.learn(tx, |tx| tx.expired |= only(p)),
            Event::Untold { tx, p } => self.learn(tx, |tx| tx.forget_how_it_ended(p)),
            Event::OperatorEnded { tx, p, committed } => {
                self.learn(tx, |tx| tx.end_by_operator(p, committed));
            }
            Event::HeuristicReported { tx, p } => {
                self.learn(tx, |tx| tx.known.reported |= only(p));
            }
            Event::Decided { tx } => self.learn(tx, |tx| tx.decide(at)),
            Event::Forgotten { tx, .. } => self.learn(tx, |tx| {
                tx.forgotten.get_or_insert(at);
                tx.known.decision.forgotten = true;
            }),
            Event::StillPrepared { tx, p } => {
                self.learn(tx, |tx| tx.known.left.branches |= only(p));
            }
            Event::StillUnfinished { tx } => self.learn(tx, |tx| tx.known.left.owed = true),
            _ => {}
        }
    }
}

impl TxFacts {
    /// Whether something happened to it that no protocol can help: an operator ended a branch, or a
    /// failover lost one.
    pub(super) const fn is_out_of_hand(&self) -> bool {
        self.known.outcomes.by_operator() != 0 || self.lost != 0
    }

    fn decide(&mut self, at: Index) {
        self.decided.get_or_insert(at);
        self.known.decision.durable = true;
    }

    /// The first vote is the one that counts.
    fn vote(&mut self, p: u8, vote: VoteKind) {
        let Known { yes, outcomes, .. } = &mut self.known;
        if (*yes | outcomes.read_only | outcomes.gone) & only(p) != 0 {
            return;
        }
        match vote {
            VoteKind::Yes => *yes |= only(p),
            VoteKind::ReadOnly => outcomes.read_only |= only(p),
            VoteKind::No => {
                outcomes.gone |= only(p);
                self.refused = true;
            }
        }
    }

    fn end(&mut self, p: u8, committed: bool, one_phase: bool) {
        let outcomes = &mut self.known.outcomes;
        let before = outcomes.commits() | outcomes.rolled_back;
        self.ended_again |= before & only(p);
        let set = match (committed, one_phase) {
            (false, _) => &mut outcomes.rolled_back,
            (true, false) => &mut outcomes.committed,
            (true, true) => &mut outcomes.one_phase,
        };
        *set |= only(p);
    }

    fn end_by_operator(&mut self, p: u8, committed: bool) {
        let outcomes = &mut self.known.outcomes;
        let set = if committed {
            &mut outcomes.operator_committed
        } else {
            &mut outcomes.operator_rolled_back
        };
        *set |= only(p);
    }

    fn answer(&mut self, told: Told, answer: Answered) {
        self.waits = false;
        self.known.answer = Some(answer);
        match told {
            Told::Committed => self.known.told.committed = true,
            Told::Aborted => self.known.told.aborted = true,
            Told::InDoubt | Told::Expired | Told::NeverBegun => {}
        }
    }

    /// `reopened` since it began: who answers need not have known of it.
    fn told_by_gid(&mut self, told: Told, reopened: bool) {
        self.in_doubt = told == Told::InDoubt;
        match told {
            Told::Committed => self.known.told.committed = true,
            Told::Aborted if reopened => self.known.told.presumed_aborted = true,
            Told::Aborted => self.known.told.aborted = true,
            Told::InDoubt | Told::Expired | Told::NeverBegun => {}
        }
    }

    /// The participant can no longer tell how the branch there ended, if it has.
    fn forget_how_it_ended(&mut self, p: u8) {
        self.known.untold |= self.known.outcomes.ended() & only(p);
    }

    /// The same of a branch there that was never prepared, whether it has ended or was lost.
    fn lose_track_of(&mut self, p: u8) {
        self.known.untold |= self.known.enlisted & !self.known.yes & only(p);
    }

    fn come_to_rest(&mut self) {
        self.known.at_rest = true;
        // Of one branch whose participant has lost track of it nobody will ever know; nor if a failover
        // has taken all of it back since.
        let enlisted = self.known.enlisted | self.lost;
        let unknowable = enlisted.is_power_of_two() && enlisted & !self.known.untold == 0;
        self.known.left.in_doubt = self.in_doubt && !unknowable;
    }
}
