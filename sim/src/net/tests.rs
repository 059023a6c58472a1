//! What the network promises, one claim a test.

mod aims;
mod outages;
mod packets;
mod replay;
mod stream;

use std::{future::Future, time::Duration};

use madsim::{
    Config,
    runtime::Runtime,
    time::{sleep, timeout},
};

use super::{Endpoint, LinkOptions, NetStats, Network, NodeId, Spoken};
use crate::history::Word;

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const C: NodeId = NodeId(2);

/// Longer than any packet of these tests is under way.
const QUIET: Duration = Duration::from_secs(1);

fn run<F: Future>(scenario: F) -> F::Output {
    Runtime::with_seed_and_config(1, Config::default()).block_on(scenario)
}

impl Spoken for u64 {
    fn word(&self) -> Word {
        if *self < 1_000 { Word::Other } else { Word::Prepare }
    }
}

fn network(options: LinkOptions) -> Network<u64> {
    Network::new(7, 3, options)
}

fn fixed(latency: Duration) -> LinkOptions {
    LinkOptions { latency_min: latency, latency_max: latency, ..LinkOptions::default() }
}

fn faulty() -> LinkOptions {
    LinkOptions {
        slow_permille: 100,
        loss_permille: 100,
        duplicate_permille: 100,
        reorder_permille: 100,
        ..LinkOptions::default()
    }
}

/// Everything that arrives until it has been quiet for a while.
async fn drain(endpoint: &Endpoint<u64>) -> Vec<(NodeId, u64)> {
    let mut received = Vec::new();
    while let Ok(message) = timeout(QUIET, endpoint.recv()).await {
        received.push(message);
    }
    received
}
