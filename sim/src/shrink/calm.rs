//! Everything beside the faults and the work that does not go its ordinary way, calmed.

use super::Search;
use crate::scenario::{Clocks, Disks, Habits, Locks, Network, Scenario, Workload};

/// All at once, then each thing by itself.
pub(super) fn calmer(search: &mut Search<'_, Scenario>) {
    let all = |scenario: &mut Scenario| CALM.iter().for_each(|calm| calm(scenario));
    if search.with(all) {
        return;
    }
    for calm in CALM {
        search.with(calm);
    }
}

/// The most transactions that are begun though the clients pause: as many as under traffic.
const MOST: u32 = 2_000;

/// The whole of something before its parts.
const CALM: &[fn(&mut Scenario)] = &[
    |scenario| scenario.network = Network::calm(),
    |scenario| scenario.network.loss_permille = 0,
    |scenario| scenario.network.duplicate_permille = 0,
    |scenario| scenario.network.reorder_permille = 0,
    |scenario| scenario.network.reorder_ms = 0,
    |scenario| scenario.network.slow_permille = 0,
    |scenario| {
        let Network { latency_min_us, latency_max_us, .. } = Network::calm();
        (scenario.network.latency_min_us, scenario.network.latency_max_us) =
            (latency_min_us, latency_max_us);
    },
    |scenario| scenario.habits = Habits::default(),
    |scenario| scenario.habits.hasty_permille = 0,
    |scenario| scenario.habits.leave_permille = 0,
    |scenario| scenario.habits.ask_permille = 0,
    |scenario| scenario.habits.sweep_permille = 0,
    |scenario| scenario.habits.watch_ms = 0,
    |scenario| scenario.habits.alarm_panics = false,
    |scenario| scenario.clocks = Clocks::default(),
    |scenario| scenario.locks = Locks::default(),
    |scenario| scenario.disks = Disks::default(),
    |scenario| scenario.disks.call_us = 0,
    |scenario| scenario.disks.log_call_us = 0,
    |scenario| scenario.disks.sync_us = Disks::default().sync_us,
    |scenario| scenario.disks.log_sync_us = Disks::default().log_sync_us,
    |scenario| scenario.remembered = 4096,
    |scenario| scenario.compact_bytes = 1 << 20,
    |scenario| {
        // Without it every transaction is begun, however many that are.
        scenario.transactions = scenario.transactions.min(MOST);
        scenario.traffic = None;
    },
    |scenario| {
        if let Some(traffic) = &mut scenario.traffic {
            traffic.sick = None;
        }
    },
    |scenario| plain(scenario, [true; 4]),
    |scenario| plain(scenario, [true, false, false, false]),
    |scenario| plain(scenario, [false, true, false, false]),
    |scenario| plain(scenario, [false, false, true, false]),
    |scenario| plain(scenario, [false, false, false, true]),
];

/// No transfers that overdraw, audit, only read or are at one participant, as far as is wanted.
fn plain(scenario: &mut Scenario, without: [bool; 4]) {
    if let Workload::Transfers {
        overdraw_permille,
        audit_permille,
        read_only_permille,
        single_permille,
        ..
    } = &mut scenario.workload
    {
        let rates = [overdraw_permille, audit_permille, read_only_permille, single_permille];
        let unwanted = rates.into_iter().zip(without).filter(|(_, without)| *without);
        unwanted.for_each(|(rate, _)| *rate = 0);
    }
}
