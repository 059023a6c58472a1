//! How often each kind of fault really struck.

use super::control::World;
use super::participant::Slot;
use crate::disk::DiskStats;
use crate::lock::lock;
use crate::net::NetStats;
use crate::parts::{Kind, LockCounts, Parts};
use crate::scenario::When;
use crate::trace::Trace;

/// How often each kind of fault fired, by name.
pub type FaultCounts = Vec<(&'static str, u64)>;

/// What the schedule's faults came to. Those of the network and the disks count themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Struck {
    pub(crate) coordinator_crashes: u64,
    pub(crate) participant_crashes: u64,
    pub(super) coordinator_kills: u64,
    pub(super) participant_kills: u64,
    pub(super) coordinator_pauses: u64,
    pub(super) participant_pauses: u64,
    pub(super) write_failures: u64,
    pub(super) cuts: u64,
    pub(super) one_way_cuts: u64,
    pub(super) isolations: u64,
    pub(super) flaps: u64,
    pub(crate) takeovers: u64,
    pub(super) takeovers_from_paused: u64,
    pub(super) clock_jumps: u64,
    pub(super) rivals: u64,
    pub(super) forgets: u64,
    pub(super) failovers: u64,
    pub(super) handles_dropped: u64,
    pub(super) drivers_dropped: u64,
    pub(super) sessions_ended: u64,
    pub(super) session_crashes: u64,
}

impl<P: Parts> World<P> {
    /// All counts, and how many messages were sent. What the network and the disks did goes into
    /// the trace.
    pub(super) fn tally(&self, trace: &mut Trace) -> (FaultCounts, u64) {
        let net: NetStats = self.net.stats();
        trace.word(self.net.trace_hash());
        let mut disk = DiskStats::default();
        let disks = self.slots.iter().flat_map(Slot::disks);
        for one in disks.chain([self.log_disk.clone()]) {
            trace.word(one.trace_hash());
            disk.add(&one.stats());
        }
        let Struck {
            coordinator_crashes,
            participant_crashes,
            coordinator_kills,
            participant_kills,
            coordinator_pauses,
            participant_pauses,
            write_failures,
            cuts,
            one_way_cuts,
            isolations,
            flaps,
            takeovers,
            takeovers_from_paused,
            clock_jumps,
            rivals,
            forgets,
            failovers,
            handles_dropped,
            drivers_dropped,
            sessions_ended,
            session_crashes,
        } = *lock(&self.struck);
        let begun = self.cues.begun();
        let waited = |index: &&usize| matches!(self.scenario.faults[**index].when, When::On(..));
        let at_events = begun.keys().filter(waited).count() as u64;
        let without_slot = self.slots.iter().map(|slot| slot.prepared.refused()).sum();
        let LockCounts { waits, timeouts, deadlocks } = self.locks.counts();
        let drifting = self.clocks.iter().filter(|clock| clock.drifts()).count() as u64;
        let mut counts = vec![
            ("messages lost", net.lost),
            ("messages duplicated", net.duplicated),
            ("messages reordered", net.reordered),
            ("messages slow", net.slowed),
            ("messages into a cut", net.cut_dropped),
            ("messages to the dead", net.dead_dropped),
            ("messages aimed at", net.aimed),
            ("faults at an event", at_events),
            ("cuts", cuts),
            ("one-way cuts", one_way_cuts),
            ("isolations", isolations),
            ("cuts that come and go", flaps),
            ("messages that are dragged", net.dragged),
            ("calls of a slow disk", disk.dragged),
            ("coordinator crashes", coordinator_crashes),
            ("participant crashes", participant_crashes),
            ("coordinators killed", coordinator_kills),
            ("participants killed", participant_kills),
            ("coordinators paused", coordinator_pauses),
            ("participants paused", participant_pauses),
            ("writes that ended a server", write_failures),
            ("takeovers", takeovers),
            ("takeovers from a paused one", takeovers_from_paused),
            ("clocks that jump", clock_jumps),
            ("clocks that drift", drifting),
            ("rivals", rivals),
            ("losses of evidence", forgets),
            ("failovers", failovers),
            ("prepares without a slot", without_slot),
            ("waits for a lock", waits),
            ("lock timeouts", timeouts),
            ("deadlocks across participants", deadlocks),
            ("coordinators without handles", handles_dropped),
            ("coordinators without a driver", drivers_dropped),
            ("syncs failed", disk.failed_syncs),
            ("short writes", disk.short_writes),
            ("reads failed", disk.read_errors),
            ("reads with a flipped bit", disk.misread),
            ("writes to a full disk", disk.full_disk),
            ("calls of a stuck disk", disk.stuck),
            ("unsynced tails lost", disk.tails_lost),
            ("unsynced tails torn", disk.tails_torn),
        ];
        let streams = self.net.stream_stats();
        if streams.dialled > 0 {
            counts.extend([
                ("sessions ended by an operator", sessions_ended),
                ("sessions that crashed", session_crashes),
                ("connections refused", streams.refused),
                ("connections reset", streams.reset),
                ("connections half open", streams.half_open),
                ("segments aimed at", streams.aimed),
                ("segments stalled by a cut or an outage", streams.stalled),
                ("segments lost and sent again", streams.lost),
                ("segments held back", streams.held_back),
                ("segments that are dragged", streams.dragged),
            ]);
        }
        counts.extend(P::Kind::counts().into_iter().map(|name| (name, self.counts.of(name))));
        (counts, net.sent + streams.sent)
    }
}
