//! Letting go: from here on the run is like any other.

use std::time::Duration;

use indoubt::{Clock, DecisionLog};

use super::director::Director;
use crate::bend::Bend;
use crate::history::Place;
use crate::lock::lock;
use crate::time::SimClock;

/// After this long every transaction has passed all of its deadlines.
const CARRIED_OUT: Duration = Duration::from_secs(3);

impl<B: Bend> Director<'_, B> {
    /// Every call goes its ordinary way, requests that nobody waits for are lost, and what is
    /// down comes up.
    pub(super) async fn let_go(mut self) {
        for board in &mut self.boards {
            if let Some(force) = &mut board.force
                && force.landed
                && let Some(answer) = force.answer.take()
            {
                let _gone = answer.send(Ok(()));
            }
        }
        self.bring_up_the_latest();
        let Self { world, dispatch, .. } = self;
        world.heal();
        SimClock.sleep(CARRIED_OUT).await;
        // Sessions that are still there are those of coordinators that are not.
        for slot in &world.slots {
            let server = lock(&slot.server).clone();
            if let Some(server) = server {
                server.end_idle(Duration::ZERO);
            }
        }
        dispatch.abort();
    }

    /// The coordinator whose opening is the latest is up, or one opens the log.
    fn bring_up_the_latest(&self) {
        let acting = self.stage.all();
        let latest = self.logs.last_key_value().map(|(epoch, _)| *epoch);
        let up = acting.values().map(|acting| acting.log.epoch()).max();
        let down = (0..self.retold.size.coordinators).find(|c| !acting.contains_key(c));
        if up.is_none_or(|up| Some(up) < latest)
            && let Some(c) = down
        {
            self.world.log_disk.break_lock();
            self.world.start(Place::Coordinator(c));
        }
    }
}
