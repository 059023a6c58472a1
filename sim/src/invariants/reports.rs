//! What a coordinator says is so: what a sweep came to, why a client is refused, what was never begun.
//!
//! A sweep may miss what was prepared while it went on, and leaves alone what its coordinator's
//! driver is at work on. Whatever else was prepared before it and still is after it has to be named.

use std::collections::{BTreeMap, BTreeSet};

use super::prepared::{Branch, Prepared};
use crate::history::{Event, Heard, History, Place, Reason, Swept, Told, Tx};

/// What is known when a coordinator says something.
#[derive(Default)]
struct Scene {
    begun: BTreeSet<Tx>,
    enlisted: BTreeMap<Tx, BTreeSet<u8>>,
    prepared: Prepared,
    /// Branches that recovery has ended: when, and how.
    recovered: Vec<(u64, Tx, bool)>,
    driven: BTreeMap<Tx, Driven>,
    /// When the driver of an epoch has ended.
    undriven: BTreeMap<u64, u64>,
    /// Where a vote of no was heard.
    refused: BTreeSet<Branch>,
    /// Where an answer did not come, or said nothing.
    unheard: BTreeSet<Branch>,
    /// The newest epoch that is known.
    epoch: u64,
    /// What the last sweep of the newest epoch said that somebody waited for.
    last: Option<(Place, Swept)>,
    /// A coordinator has begun to take the place of another, which may be fenced by now.
    contested: bool,
}

/// How far a driver is with a transaction.
#[derive(Default)]
struct Driven {
    is_settled: bool,
    /// What it has asked and not heard.
    open: u32,
    /// Since when it has nothing more to do.
    idle: Option<u64>,
}

/// What a sweep reports is so, and so is why a client is refused.
pub(super) fn honest_reports(history: &History) -> Result<(), String> {
    let mut scene = Scene::default();
    for entry in history.entries() {
        scene.hear(entry.at_us, &entry.event)?;
    }
    Ok(())
}

impl Scene {
    fn hear(&mut self, now: u64, event: &Event) -> Result<(), String> {
        self.prepared.hear(now, event);
        match *event {
            Event::Began { tx, .. } => drop(self.begun.insert(tx)),
            Event::Enlisted { tx, p } => drop(self.enlisted.entry(tx).or_default().insert(p)),
            Event::Opened { epoch, .. } => self.epoch = self.epoch.max(epoch),
            Event::TakenOver => self.contested = true,
            Event::DriverEnded { epoch, .. } => drop(self.undriven.insert(epoch, now)),
            Event::Ended { tx, committed, by_recovery: true, .. } => {
                self.recovered.push((now, tx, committed));
            }
            Event::Asked { tx, ask, .. } if !ask.by_recovery() => {
                let driven = self.driven.entry(tx).or_default();
                driven.open += 1;
                driven.look(now);
            }
            Event::Heard { tx, p, ask, heard, .. } if !ask.by_recovery() => {
                self.is_heard((tx, p), heard);
                self.closed(tx, now);
            }
            Event::GaveUp { tx, p, ask, .. } if !ask.by_recovery() => {
                self.unheard.insert((tx, p));
                self.closed(tx, now);
            }
            Event::Answered { tx, told, ref reason, .. } => {
                if told != Told::InDoubt {
                    let driven = self.driven.entry(tx).or_default();
                    driven.is_settled = true;
                    driven.look(now);
                }
                return reason.as_ref().map_or(Ok(()), |reason| self.judge_reason(tx, reason));
            }
            Event::Status { tx, told, .. } => return self.judge_status(tx, told),
            Event::Swept { by, epoch, after_us, ref says } => {
                if epoch == self.epoch {
                    self.last = Some((by, says.clone()));
                }
                return self.judge_sweep((by, epoch), now.saturating_sub(after_us), says);
            }
            // A sweep is asked for before that is said.
            Event::Quiesced => {
                if let Some((by, says)) = self.last.take().filter(|(_, says)| !says.is_complete()) {
                    return Err(format!("at rest, a sweep of {by} says: {says}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn is_heard(&mut self, branch: Branch, heard: Heard) {
        match heard {
            Heard::No | Heard::RolledBack => drop(self.refused.insert(branch)),
            Heard::Lost | Heard::Unknown | Heard::Untold => drop(self.unheard.insert(branch)),
            Heard::Yes
            | Heard::ReadOnly
            | Heard::Committed
            | Heard::AsDecided
            | Heard::Heuristic => {}
        }
    }

    fn closed(&mut self, tx: Tx, now: u64) {
        let driven = self.driven.entry(tx).or_default();
        driven.open = driven.open.saturating_sub(1);
        driven.look(now);
    }

    fn judge_reason(&self, tx: Tx, reason: &Reason) -> Result<(), String> {
        let enlisted = self.enlisted.get(&tx);
        let has = |p: &u8| enlisted.is_some_and(|all| all.contains(p));
        let is_so = match reason {
            Reason::VotedNo(p) => self.refused.contains(&(tx, *p)),
            Reason::VoteLost(p) => self.unheard.contains(&(tx, *p)),
            Reason::Incomplete(p) => !has(p),
            Reason::Fenced => self.contested || self.epoch > tx.epoch,
            // It is the answer to a client that asks to commit.
            Reason::Requested => false,
            Reason::Doubt(named) => {
                let at_log = enlisted.is_none_or(|all| all.len() > 1);
                let unheard = |p: &u8| self.unheard.contains(&(tx, *p));
                (at_log || !named.is_empty()) && named.iter().all(unheard)
            }
            Reason::Undriven => self.undriven.contains_key(&tx.epoch),
            Reason::NotLogged | Reason::Other => true,
        };
        if is_so { Ok(()) } else { Err(format!("{tx} was refused, and it is not so: {reason}")) }
    }

    fn judge_status(&self, tx: Tx, told: Told) -> Result<(), String> {
        match (self.begun.contains(&tx), told) {
            (true, Told::NeverBegun) => Err(format!("{tx} was told never to have been begun")),
            // A later opening cannot know, and presumes.
            (false, Told::Committed | Told::Aborted | Told::Expired) if tx.epoch == self.epoch => {
                Err(format!("{tx} was told to be {told}, and was never begun"))
            }
            _ => Ok(()),
        }
    }

    fn judge_sweep(
        &self,
        (by, epoch): (Place, u64),
        begin: u64,
        says: &Swept,
    ) -> Result<(), String> {
        let missed = self.prepared.iter().find(|(branch, since)| {
            *since < begin && !self.is_at_work(branch.0, epoch, begin) && !says.names(*branch)
        });
        if let Some(((tx, p), _)) = missed {
            let (place, of) =
                (Place::Participant(p), if says.is_complete() { "complete" } else { "over" });
            return Err(format!(
                "a sweep of {by} says that it is {of}, and has left {tx} prepared at {place} without naming it"
            ));
        }
        for (txs, committed) in [(&says.committed, true), (&says.rolled_back, false)] {
            for tx in txs {
                let said = txs.iter().filter(|other| *other == tx).count();
                let done = |(at, of, how): &&(u64, Tx, bool)| {
                    *at >= begin && of == tx && *how == committed
                };
                if self.recovered.iter().filter(done).count() < said {
                    return Err(format!(
                        "a sweep of {by} says more of {tx} than recovery has done"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether a transaction is, or may have been since then, the business of the epoch's driver.
    fn is_at_work(&self, tx: Tx, epoch: u64, begin: u64) -> bool {
        let driver_has_ended = self.undriven.get(&epoch).is_some_and(|at| *at < begin);
        let is_idle = self.driven.get(&tx).and_then(|driven| driven.idle);
        tx.epoch == epoch && !driver_has_ended && is_idle.is_none_or(|since| since >= begin)
    }
}

impl Driven {
    /// What is decided, and told to whoever it could be told, is done.
    fn look(&mut self, now: u64) {
        self.idle = (self.is_settled && self.open == 0).then(|| self.idle.unwrap_or(now));
    }
}
