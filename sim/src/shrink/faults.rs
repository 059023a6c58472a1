//! Fewer faults, and weaker ones.

use super::{Search, ddmin};
use crate::history::Place;
use crate::scenario::{Fault, FaultKind, Scenario};

/// Leaves out faults: those that never began at once, then whatever goes.
pub(super) fn fewer(search: &mut Search<'_, Scenario>) {
    let begun = &search.run().begun;
    let faults = search.smallest().faults.iter().enumerate();
    let of_effect = faults.filter(|(index, _)| begun.contains_key(index));
    let of_effect: Vec<Fault> = of_effect.map(|(_, fault)| fault.clone()).collect();
    search.with(|scenario| scenario.faults = of_effect);
    let faults = search.smallest().faults.clone();
    ddmin(&faults, |some| search.with(|scenario| scenario.faults = some.to_vec()));
}

/// Puts a weaker fault in the place of each, as long as there is one that does.
pub(super) fn weaker(search: &mut Search<'_, Scenario>) {
    for index in 0..search.smallest().faults.len() {
        let mut weakened = true;
        while weakened {
            let weaker = less(&search.smallest().faults[index].kind);
            let put = |kind| search.with(|scenario| scenario.faults[index].kind = kind);
            weakened = weaker.into_iter().any(put);
        }
    }
}

/// What does less of the same.
fn less(kind: &FaultKind) -> Vec<FaultKind> {
    match *kind {
        FaultKind::Cut { a, b } => {
            [(a, b), (b, a)].map(|(from, to)| FaultKind::CutOneWay { from, to }).into()
        }
        FaultKind::Disk { place, sync_permille, short_permille, read_permille } => {
            let rates = [
                (0, short_permille, read_permille),
                (sync_permille, 0, read_permille),
                (sync_permille, short_permille, 0),
            ];
            let some = rates.into_iter().filter(|rates| *rates != (0, 0, 0));
            some.map(|(sync_permille, short_permille, read_permille)| FaultKind::Disk {
                place,
                sync_permille,
                short_permille,
                read_permille,
            })
            .collect()
        }
        FaultKind::Crash { place } => vec![FaultKind::Kill { place }],
        FaultKind::Flap { a, b, .. } => vec![FaultKind::Cut { a, b }],
        FaultKind::Isolate { ref places } if places.len() > 1 => {
            let without = |left: &Place| {
                let places = places.iter().filter(|place| *place != left).copied().collect();
                FaultKind::Isolate { places }
            };
            places.iter().map(without).collect()
        }
        FaultKind::Slow { place, factor: 4.. } => vec![FaultKind::Slow { place, factor: 2 }],
        FaultKind::SlowLink { from, to, factor: 4.. } => {
            vec![FaultKind::SlowLink { from, to, factor: 2 }]
        }
        FaultKind::Isolate { .. }
        | FaultKind::Slow { .. }
        | FaultKind::SlowLink { .. }
        | FaultKind::Kill { .. }
        | FaultKind::Pause { .. }
        | FaultKind::ClockJump { .. }
        | FaultKind::Misread { .. }
        | FaultKind::Slots { .. }
        | FaultKind::LetGo
        | FaultKind::Undriven
        | FaultKind::CutOneWay { .. }
        | FaultKind::DiskFull { .. }
        | FaultKind::DiskStuck { .. }
        | FaultKind::Takeover
        | FaultKind::Operator { .. }
        | FaultKind::EndSessions { .. }
        | FaultKind::SessionCrash { .. }
        | FaultKind::Forget { .. }
        | FaultKind::Failover { .. }
        | FaultKind::Message { .. }
        | FaultKind::Rival => Vec::new(),
    }
}
