//! The verdict on a run that was only seen from outside.
//!
//! The simulator's databases write down the moment at which a branch votes and ends; a Postgres does not.
//! What can be known is what its coordinator heard of it, and what is there at the end. So a history is
//! [completed](implied::complete) before it is judged: a vote and an end are put where they are known to
//! have happened, never earlier than they can have been and never later than somebody knew of them. What a
//! coordinator heard is checked at the end against the rows: a branch that is said to have committed
//! has its marker there, and one that is said to have rolled back has not.
//!
//! # What is asked by that
//!
//! | invariant | of what |
//! |---|---|
//! | `agreement` | markers and decisions: a transaction's branches all committed, or none |
//! | `stability`, `idempotence` | what was heard of a branch at one time and at another, and its marker |
//! | `validity` | a decision whose votes were all heard as yes |
//! | `non_triviality`, `stated_cost` | runs in which nothing fails |
//! | `termination`, `no_orphans` | prepared branches, locked rows, sessions and the log, within a bound |
//! | `decision_before_effect` | that nobody is *asked* to commit before the decision is durable: [`asked_in_order`] |
//! | `client_truth` | each answer, and `status` by gid of everything that was ever asked to commit |
//! | `durability` | every opening of the log after a SIGKILL; every commit that was heard, by its marker |
//! | `ownership` | branches of others that are prepared at each database throughout |
//! | `conservation` | rows: sums, and markers on all participants or none |
//! | `safe_forgetting` | that a commit is forgotten only when all branches were heard to have ended |
//! | `heuristics_reported` | that nobody is reported to have meddled; nobody does |
//! | `bounded_wait` | answers by their deadlines, and what the machine takes beside |
//! | `honest_reports` | why a client is refused, and what the sweeps at the end say |
//! | `no_panic` | the coordinator's process: it ends only when it is killed |
//!
//! # What is not
//!
//! - `drained`: no driver is let go of; a service that stops cleanly is tested elsewhere.
//! - Of a branch that was asked to roll back and whose answer was lost, nobody knows when it ended. It counts
//!   as ended when it was asked, so a sweep that overlooks it after that is not noticed; what it leaves is.
//! - Of a vote that was never heard, nobody knows whether it was a yes, unless recovery found the branch.
//! - That a decision whose force had not returned is lost or kept: both are right.
//! - Loss of what was not synced: SIGKILL leaves the page cache. The simulator's disks are asked that.
//!
//! [`unasked`] says which of them had nothing to be asked of in a run.

mod file;
mod implied;
mod unasked;

use std::collections::BTreeSet;

use indoubt_sim::explore::Inclusion;
use indoubt_sim::history::{Ask, Event, History, Reading};
use indoubt_sim::invariants::{Claim, Invariant, Violation, verdict};

pub use file::{read, write};
pub use implied::complete;
pub use unasked::{Tally, unasked};

/// A history from outside, judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The history, completed.
    pub history: History,
    /// What it reached.
    pub tally: Tally,
    /// What it breaks.
    pub violations: Vec<Violation>,
}

/// Completes a history that was seen from outside, and judges it. With `follow`, the explorer has to allow
/// all of it, too.
///
/// # Errors
/// The explorer cannot be asked.
pub fn judge(seen: &History, follow: bool) -> anyhow::Result<Judged> {
    let history = complete(seen);
    let mut claims = vec![Claim::new(Invariant::DecisionBeforeEffect, asked_in_order)];
    if follow {
        claims.push(Inclusion::new()?.claim());
    }
    let violations = verdict(&history, &claims);
    Ok(Judged { tally: Tally::of(&history), history, violations })
}

/// Nobody is asked to commit what is prepared before the decision is known to be durable: whatever happens
/// there, it happens after that.
pub fn asked_in_order(history: &History) -> Result<(), String> {
    let mut decided = BTreeSet::new();
    for event in history.events() {
        match event {
            Event::Decided { tx }
            | Event::LogRead { tx, reading: Reading::Unfinished | Reading::Finished, .. } => {
                decided.insert(*tx);
            }
            Event::Opened { unfinished, .. } => decided.extend(unfinished),
            Event::Asked { tx, p, ask: Ask::Commit | Ask::RecoverCommit, .. }
                if !decided.contains(tx) =>
            {
                return Err(format!(
                    "{tx}: participant-{p} was asked to commit before the decision was durable"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}
