//! What a transaction costs where nothing fails: one forced decision, one prepare and one commit for
//! each branch that writes, and nothing for recovery to do (Mohan, Lindsay and Obermarck, section 3,
//! with the read-only votes of its section 3.2).

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Ask, Event, History, Place, Tx, VoteKind};

/// What one transaction has cost.
#[derive(Default)]
struct Cost {
    enlisted: BTreeSet<u8>,
    yes: BTreeSet<u8>,
    asked: BTreeSet<(u8, Ask)>,
    is_forced: bool,
}

/// No more is forced, asked or recovered than is stated. Nothing is claimed of a run in which
/// something may fail.
pub(super) fn stated_cost(history: &History) -> Result<(), String> {
    let mut costs: BTreeMap<Tx, Cost> = BTreeMap::new();
    for event in history.events() {
        match *event {
            Event::Run { calm: false, .. } => return Ok(()),
            Event::Enlisted { tx, p } => drop(costs.entry(tx).or_default().enlisted.insert(p)),
            Event::Voted { tx, p, vote: VoteKind::Yes } => {
                costs.entry(tx).or_default().yes.insert(p);
            }
            Event::Asked { tx, p, ask, .. } if !costs.entry(tx).or_default().takes(p, ask) => {
                let place = Place::Participant(p);
                return Err(format!("{tx} asks {place} {ask}, which it need not"));
            }
            Event::Deciding { tx, .. } => {
                let cost = costs.entry(tx).or_default();
                let needless = cost.is_forced || cost.enlisted.len() < 2 || cost.yes.is_empty();
                if std::mem::replace(&mut cost.is_forced, true) || needless {
                    return Err(format!("{tx} forces a decision, which it need not"));
                }
            }
            Event::Ended { tx, by_recovery: true, .. } => {
                return Err(format!("{tx} was left to recovery"));
            }
            Event::Swept { by, ref says, .. } if !says.found_nothing() => {
                return Err(format!("a sweep of {by} had something to do: {says}"));
            }
            _ => {}
        }
    }
    Ok(())
}

impl Cost {
    /// Whether it is what a transaction asks, and asks once.
    fn takes(&mut self, p: u8, ask: Ask) -> bool {
        let several = self.enlisted.len() > 1;
        let is_due = match ask {
            Ask::Prepare => several,
            Ask::OnePhase => !several,
            Ask::Commit => self.is_forced && self.yes.contains(&p),
            Ask::Abort => true,
            Ask::Inquire => false,
            // A sweep may list what has ended by the time that it asks.
            Ask::RecoverCommit | Ask::RecoverAbort => return true,
        };
        self.asked.insert((p, ask)) && is_due
    }
}
