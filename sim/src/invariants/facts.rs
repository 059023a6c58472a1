//! The history, sorted by what it is about.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Event, History, Told, Tx, VoteKind};

/// A place in the history: events are compared by it, not by their times, which can be equal.
pub(super) type Index = usize;

/// What is known of one transaction.
#[derive(Debug, Default)]
pub struct TxFacts<'a> {
    /// Participants at which the client had a branch.
    pub enlisted: BTreeSet<u8>,
    /// When the client asked to commit.
    pub asked: Option<Index>,
    /// Votes by participant.
    pub votes: BTreeMap<u8, (Index, VoteKind)>,
    /// Durable endings of branches.
    pub endings: Vec<Ending>,
    /// Branches that an operator ended, and whether by committing.
    pub operator: BTreeMap<u8, bool>,
    /// Participants whose heuristic ending was reported.
    pub reported: BTreeMap<u8, Index>,
    /// When the decision is first known to have been durable.
    pub decided: Option<Index>,
    /// When it was first forgotten.
    pub forgotten: Option<Index>,
    /// What the client was told at the commit.
    pub answer: Option<Told>,
    /// When it was told, and which participants it was told are pending, and heuristic.
    pub answered: Option<(Index, &'a [u8], &'a [u8])>,
    /// Participants whose session was left behind until it expired.
    pub expired: BTreeSet<u8>,
    /// What it was told later by gid, in order.
    pub statuses: Vec<Told>,
}

/// A durable ending of a branch.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// When.
    pub at: Index,
    /// Where.
    pub p: u8,
    /// How.
    pub committed: bool,
    /// Without a prepare.
    pub one_phase: bool,
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

/// A history, sorted.
#[derive(Debug, Default)]
pub struct Facts<'a> {
    /// By transaction.
    pub txs: BTreeMap<Tx, TxFacts<'a>>,
    /// Openings of the log, in order.
    pub openings: Vec<Opening<'a>>,
    /// Nothing in the run could fail.
    pub calm: bool,
    /// Everything came to rest within the bound.
    pub quiesced: bool,
    /// Rows before the run.
    pub seeded: BTreeMap<(u8, u64), i64>,
    /// Rows at the end.
    pub rows: BTreeMap<(u8, u64), i64>,
    /// What should not be there at the end.
    pub leftovers: Vec<&'a Event>,
    /// Foreign branches that are no longer as they were.
    pub foreign: Vec<&'a Event>,
}

impl<'a> Facts<'a> {
    /// The facts of a history.
    pub fn of(history: &'a History) -> Self {
        let mut facts = Self::default();
        for (at, event) in history.events().enumerate() {
            facts.add(at, event);
        }
        facts
    }

    fn tx(&mut self, tx: Tx) -> &mut TxFacts<'a> {
        self.txs.entry(tx).or_default()
    }

    fn add(&mut self, at: Index, event: &'a Event) {
        match *event {
            Event::Expired { tx, p } => drop(self.tx(tx).expired.insert(p)),
            Event::Run { calm, .. } => self.calm = calm,
            Event::Seeded { p, key, value } => drop(self.seeded.insert((p, key), value)),
            Event::Row { p, key, value } => drop(self.rows.insert((p, key), value)),
            Event::Enlisted { tx, p } => drop(self.tx(tx).enlisted.insert(p)),
            Event::AskedCommit { tx } => self.tx(tx).asked = Some(at),
            Event::Answered { tx, told, ref pending, ref heuristic } => {
                let tx = self.tx(tx);
                tx.answer = Some(told);
                tx.answered = Some((at, pending, heuristic));
            }
            Event::Status { tx, told } => self.tx(tx).statuses.push(told),
            Event::Voted { tx, p, vote } => drop(self.tx(tx).votes.entry(p).or_insert((at, vote))),
            Event::Ended { tx, p, committed, one_phase, .. } => {
                self.tx(tx).endings.push(Ending { at, p, committed, one_phase });
            }
            Event::OperatorEnded { tx, p, committed } => {
                self.tx(tx).operator.insert(p, committed);
            }
            Event::HeuristicReported { tx, p } => {
                self.tx(tx).reported.entry(p).or_insert(at);
            }
            Event::Decided { tx } => {
                let tx = self.tx(tx);
                tx.decided.get_or_insert(at);
            }
            Event::Forgotten { tx } => drop(self.tx(tx).forgotten.get_or_insert(at)),
            Event::Opened { epoch, ref unfinished, .. } => {
                for tx in unfinished {
                    self.tx(*tx).decided.get_or_insert(at);
                }
                self.openings.push(Opening { at, epoch, unfinished });
            }
            Event::Quiesced => self.quiesced = true,
            Event::StillPrepared { .. }
            | Event::StillLocked { .. }
            | Event::StillUnfinished { .. } => {
                self.leftovers.push(event);
            }
            Event::Foreign { expected, found, .. } if expected != found => self.foreign.push(event),
            _ => {}
        }
    }
}

impl TxFacts<'_> {
    /// The first branch that durably committed by the protocol.
    pub fn first_commit(&self) -> Option<&Ending> {
        self.endings.iter().find(|ending| ending.committed)
    }

    /// Whether the branch at this participant durably committed by the protocol.
    pub fn committed_at(&self, p: u8) -> bool {
        self.endings.iter().any(|ending| ending.committed && ending.p == p)
    }

    /// Whether it can commit without a decision: one branch, or none that wrote.
    pub fn needs_no_decision(&self) -> bool {
        let read_only = |p| matches!(self.votes.get(p), Some((_, VoteKind::ReadOnly)));
        self.enlisted.len() == 1 || self.enlisted.iter().all(read_only)
    }

    /// Participants that had voted yes and not ended before this moment.
    pub fn unfinished_at(&self, at: Index) -> Vec<u8> {
        let ended = |p: u8| {
            self.operator.contains_key(&p)
                || self.endings.iter().any(|ending| ending.p == p && ending.at < at)
        };
        let yes =
            self.votes.iter().filter(|(_, (when, vote))| *vote == VoteKind::Yes && *when < at);
        yes.map(|(p, _)| *p).filter(|p| !ended(*p)).collect()
    }

    /// Enlisted participants where the branch has neither committed, nor dropped out as
    /// read-only, nor been ended by an operator.
    pub fn not_committed(&self) -> Vec<u8> {
        let exempt = |p: &u8| {
            self.committed_at(*p)
                || self.operator.contains_key(p)
                || matches!(self.votes.get(p), Some((_, VoteKind::ReadOnly)))
        };
        self.enlisted.iter().copied().filter(|p| !exempt(p)).collect()
    }
}
