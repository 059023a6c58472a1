//! Forces and readings of the log, in a history that is followed.

use super::candidate::Candidate;
use super::follow::{Scene, T, Thread};
use crate::explore::state::{Force, Log, NO_MACHINE, Wait};
use crate::history::{Reading, Told};
use crate::story::{Action, From, LogReading as How};

/// Whether the decision is on its way to the log, and names that many branches.
pub(super) fn is_deciding(at: &Candidate, branches: u32) -> bool {
    let tx = &at.state.txs[0];
    tx.force == Force::Flying && tx.named.count_ones() == branches
}

/// Whether a machine, or recovery, has wanted the commit noted as finished everywhere. A note of
/// a coordinator that has been succeeded reaches nobody.
pub(super) fn is_noted(at: &Candidate, c: u8) -> bool {
    let succeeded = at.state.coordinators[usize::from(c)].epoch < at.state.log_epoch;
    succeeded || !matches!(at.state.txs[0].log, Log::Absent | Log::Decided)
}

/// Whether someone who asks by gid can be told this.
pub(super) const fn tells(at: &Candidate, told: Told) -> bool {
    let log = at.state.txs[0].log;
    match told {
        Told::Committed => !matches!(log, Log::Absent | Log::Expired),
        Told::Aborted => matches!(log, Log::Absent),
        // Whether it has been begun is judged by itself.
        Told::InDoubt | Told::Expired | Told::NeverBegun => true,
    }
}

/// Whether recovery, having read the log at some time, can have found that it must commit, or
/// that it must roll back.
pub(super) const fn directs(at: &Candidate, commit: bool) -> bool {
    match at.state.txs[0].log {
        Log::Absent => !commit,
        // Nobody knows any more.
        Log::Expired => true,
        Log::Decided | Log::Forgetting | Log::Finished | Log::Noted | Log::NotedForGood => commit,
    }
}

impl Thread<'_> {
    /// The decision is known to be durable: its force returned, or is about to, or a reading
    /// found it.
    pub(super) fn decided(&self, at: &Candidate) -> Vec<Candidate> {
        let Some(landed) = self.landed(at) else { return Vec::new() };
        let returned = landed.after(self.system, [Action::ForceReturns { t: T }]);
        returned.into_iter().chain([landed]).collect()
    }

    fn landed(&self, at: &Candidate) -> Option<Candidate> {
        if at.state.txs[0].log.decided() {
            return Some(at.clone());
        }
        at.after(self.system, [Action::Land { t: T }])
    }

    /// The force comes back without success.
    pub(super) fn force_failed(
        &self,
        at: &Candidate,
        fenced: bool,
        scene: &Scene,
    ) -> Vec<Candidate> {
        if !fenced {
            return at.after(self.system, [Action::ForceFails { t: T }]).into_iter().collect();
        }
        self.succeeded(at, at.state.txs[0].epoch, scene)
            .into_iter()
            .filter_map(|one| one.after(self.system, [Action::ForceFenced { t: T }]))
            .collect()
    }

    /// Someone at this coordinator has read the log: a client that asks by gid, the machine, or
    /// recovery.
    pub(super) fn log_read(
        &self,
        at: &Candidate,
        c: u8,
        reading: Reading,
        scene: &Scene,
    ) -> Vec<Candidate> {
        let mut after = Vec::new();
        for says in self.says(at, c, reading, scene) {
            let how = match reading {
                Reading::Unreadable | Reading::GivenUp => How::Unreadable,
                Reading::Fenced => How::Fenced,
                _ => How::Truth,
            };
            let tx = &says.state.txs[0];
            if tx.owner == c && tx.wait == Wait::Read {
                after.extend(says.after(self.system, [Action::Read { t: T, reading: how }]));
            }
            after.extend(self.consulted(&says, c, how));
            after.push(says);
        }
        after
    }

    /// Recovery has read the log for the transaction, of which a scan found these or those
    /// branches. It works on one transaction once at a time: what its last sweep still waits for
    /// was never sent, to a participant that could not be listed.
    fn consulted(&self, at: &Candidate, c: u8, reading: How) -> Vec<Candidate> {
        let recovery = &at.state.coordinators[usize::from(c)].recoveries[0];
        let unsent = self.system.participants().filter(|p| recovery.calls[*p].asked());
        let from = From::Recovery(c);
        let skips = unsent.map(|p| Action::Refuse { t: T, p: p as u8, from });
        let Some(idle) = at.after(self.system, skips.collect::<Vec<_>>()) else {
            return Vec::new();
        };
        if idle.state.coordinators[usize::from(c)].recoveries[0].machine != NO_MACHINE {
            return Vec::new();
        }
        let consult = Action::Consult { c, t: T, reading };
        (0..1 << self.system.size().participants)
            .filter_map(|found| {
                idle.after(self.system, [Action::Suspect { c, t: T, found }, consult])
            })
            .collect()
    }

    /// States in which the log says this.
    fn says(&self, at: &Candidate, c: u8, reading: Reading, scene: &Scene) -> Vec<Candidate> {
        let log = at.state.txs[0].log;
        let this = || vec![at.clone()];
        let after = |action| -> Vec<_> { at.after(self.system, [action]).into_iter().collect() };
        match (reading, log) {
            (Reading::Unreadable | Reading::GivenUp, _)
            | (Reading::Unfinished, Log::Decided)
            | (
                Reading::Finished,
                Log::Forgetting | Log::Finished | Log::Noted | Log::NotedForGood,
            )
            | (Reading::Absent, Log::Absent)
            | (Reading::Expired, Log::Expired) => this(),
            (Reading::Fenced, _) => {
                let epoch = at.state.coordinators[usize::from(c)].epoch;
                self.succeeded(at, epoch, scene)
            }
            (Reading::Unfinished, Log::Absent) => after(Action::Land { t: T }),
            // The note was lost, or the reader has answered late and read before it. Then every
            // branch had ended, and whatever it asks of them it asks too late.
            (Reading::Unfinished, Log::Forgetting | Log::Finished | Log::Expired)
            | (Reading::Absent, Log::Noted | Log::NotedForGood) => {
                [after(Action::ForgetLost { t: T }), this()].concat()
            }
            (Reading::Expired, Log::Finished) => after(Action::Expire { t: T }),
            _ => Vec::new(),
        }
    }
}
