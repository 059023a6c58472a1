//! What a run has reached, and which claims had nothing to be asked of.

use std::collections::BTreeSet;
use std::fmt;

use indoubt_sim::history::{Event, Heard, History, Told, Tx, VoteKind};

/// How often what matters has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Transactions that were begun.
    pub begun: u64,
    /// Transactions that were asked to commit.
    pub asked: u64,
    /// Clients that were told committed.
    pub committed: u64,
    /// Clients that were told aborted.
    pub aborted: u64,
    /// Clients that were told in doubt.
    pub in_doubt: u64,
    /// Transactions whose client has had no answer.
    pub unanswered: u64,
    /// Votes of no.
    pub refused: u64,
    /// Read-only votes.
    pub read_only: u64,
    /// Branches that committed in one phase.
    pub one_phase: u64,
    /// Branches that recovery committed.
    pub recovered: u64,
    /// Branches that recovery rolled back.
    pub recovered_back: u64,
    /// Openings of the log that found something unfinished.
    pub owing: u64,
    /// Openings of the log.
    pub openings: u64,
    /// Answers that did not come.
    pub lost: u64,
    /// Commits that were forgotten.
    pub forgotten: u64,
    /// Questions by gid.
    pub statuses: u64,
    /// Markers that were there at the end.
    pub rows: u64,
}

impl Tally {
    /// Of a completed history.
    pub fn of(history: &History) -> Self {
        let mut tally = Self::default();
        let mut open: BTreeSet<Tx> = BTreeSet::new();
        for event in history.events() {
            let counter = match event {
                Event::Began { .. } => &mut tally.begun,
                Event::AskedCommit { tx } => {
                    open.insert(*tx);
                    &mut tally.asked
                }
                Event::Answered { tx, told, .. } => {
                    open.remove(tx);
                    match told {
                        Told::Committed => &mut tally.committed,
                        Told::Aborted => &mut tally.aborted,
                        _ => &mut tally.in_doubt,
                    }
                }
                Event::Voted { vote: VoteKind::No, .. } => &mut tally.refused,
                Event::Voted { vote: VoteKind::ReadOnly, .. } => &mut tally.read_only,
                Event::Ended { one_phase: true, .. } => &mut tally.one_phase,
                Event::Ended { committed: true, by_recovery: true, .. } => &mut tally.recovered,
                Event::Ended { by_recovery: true, .. } => &mut tally.recovered_back,
                Event::Opened { unfinished, .. } => {
                    tally.owing += u64::from(!unfinished.is_empty());
                    &mut tally.openings
                }
                Event::GaveUp { .. } | Event::Heard { heard: Heard::Lost, .. } => &mut tally.lost,
                Event::Forgotten { .. } => &mut tally.forgotten,
                Event::Status { .. } => &mut tally.statuses,
                Event::Row { .. } => &mut tally.rows,
                _ => continue,
            };
            *counter += 1;
        }
        tally.unanswered = u64::try_from(open.len()).unwrap_or(u64::MAX);
        tally
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.begun += other.begun;
        self.asked += other.asked;
        self.committed += other.committed;
        self.aborted += other.aborted;
        self.in_doubt += other.in_doubt;
        self.unanswered += other.unanswered;
        self.refused += other.refused;
        self.read_only += other.read_only;
        self.one_phase += other.one_phase;
        self.recovered += other.recovered;
        self.recovered_back += other.recovered_back;
        self.owing += other.owing;
        self.openings += other.openings;
        self.lost += other.lost;
        self.forgotten += other.forgotten;
        self.statuses += other.statuses;
        self.rows += other.rows;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} transactions begun, {} asked to commit: {} told committed, {} aborted, {} in doubt, {} without an \
             answer; {} votes of no, {} read-only, {} one-phase commits; {} answers lost; recovery committed {} \
             branches and rolled back {}; {} openings of the log, {} of which owed something",
            self.begun,
            self.asked,
            self.committed,
            self.aborted,
            self.in_doubt,
            self.unanswered,
            self.refused,
            self.read_only,
            self.one_phase,
            self.lost,
            self.recovered,
            self.recovered_back,
            self.openings,
            self.owing,
        )
    }
}

/// What a run was to reach and has not, so that its verdict says nothing of it.
pub fn unasked(tally: &Tally) -> Vec<&'static str> {
    let reached = [
        (tally.committed, "no client was told committed"),
        (tally.aborted, "no client was told aborted"),
        (tally.in_doubt, "no client was told in doubt"),
        (tally.unanswered, "no client was left without an answer"),
        (tally.refused, "nobody voted no"),
        (tally.recovered, "recovery committed nothing"),
        (tally.recovered_back, "recovery rolled back nothing"),
        (
            tally.owing,
            "no opening of the log found a decision to carry out: durability of decisions is not asked",
        ),
        (tally.lost, "no answer was lost"),
        (tally.forgotten, "nothing was forgotten: safe_forgetting is not asked"),
        (tally.statuses, "nobody asked by gid"),
        (tally.rows, "no row was looked at: conservation and durability of commits are not asked"),
    ];
    reached.into_iter().filter(|(count, _)| *count == 0).map(|(_, what)| what).collect()
}
