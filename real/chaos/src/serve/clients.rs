//! The clients of a coordinator's process, which work until they are told to rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures::future::join_all;
use indoubt_sim::draw::Draw;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::desk::Desk;
use super::transaction::transact;

/// The first stream of the clients' pauses.
const STREAM: u64 = 11 << 48;

/// Clients at work.
#[derive(Default)]
pub(super) struct Clients {
    rest: Arc<AtomicBool>,
    all: Vec<JoinHandle<()>>,
}

impl Clients {
    /// As many as the scenario says, the first transaction of this number.
    pub(super) fn begin(desk: &Arc<Desk>, from: u32) -> Self {
        let (rest, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(from)));
        let client =
            |number: u16| tokio::spawn(work(desk.clone(), number, rest.clone(), next.clone()));
        let all = (0..desk.scenario.clients).map(client).collect();
        Self { rest, all }
    }

    /// Ends what they are at.
    pub(super) async fn rest(&mut self) {
        self.rest.store(true, Ordering::Relaxed);
        // One that has panicked has told so on standard error, and has ended as well.
        drop(join_all(self.all.drain(..)).await);
    }
}

async fn work(desk: Arc<Desk>, number: u16, rest: Arc<AtomicBool>, next: Arc<AtomicU32>) {
    let stream = STREAM + (desk.coordinator.epoch() << 16) + u64::from(number);
    let mut draw = Draw::new(desk.scenario.seed, stream);
    let think = Duration::from_millis(desk.scenario.think_ms);
    while !rest.load(Ordering::Relaxed) {
        transact(&desk, next.fetch_add(1, Ordering::Relaxed)).await;
        sleep(draw.between(Duration::ZERO, think)).await;
    }
}
