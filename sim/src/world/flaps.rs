//! Cuts that come and go.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::control::World;
use super::cues::Stroke;
use crate::lock::lock;
use crate::parts::Parts;
use crate::scenario::FaultKind;

/// The faults that flap now, by number, and whether they cut.
pub(super) type Flapping = BTreeMap<usize, bool>;

/// What happens to one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Begins,
    Comes,
    Ends,
}

impl<P: Parts> World<P> {
    /// It begins to flap, takes its next turn, or ends; if it is of that kind.
    pub(super) fn turn(self: &Arc<Self>, index: usize, turn: Turn) {
        let FaultKind::Flap { a, b, down_ms, up_ms } = self.scenario.faults[index].kind else {
            return;
        };
        let cuts = {
            let mut flapping = lock(&self.flapping);
            let cut = flapping.remove(&index);
            let cuts = match (turn, cut) {
                (Turn::Begins, _) => true,
                (Turn::Comes, Some(cut)) => !cut,
                (Turn::Comes, None) | (Turn::Ends, _) => return,
            };
            flapping.insert(index, cuts);
            cuts
        };
        let ms = if cuts {
            lock(&self.struck).flaps += 1;
            self.cut_both(a, b);
            down_ms
        } else {
            self.mend_both(a, b);
            up_ms
        };
        self.cues.later(self.events.now() + Duration::from_millis(ms), Stroke::Turn(index));
    }
}
