//! Runs that are large: what the swarm draws, with tens of participants and hundreds of transactions.
//!
//! What a few of each cannot show: sweeps over many places, a log that grows and is compacted in the
//! middle of work, and faults of a few places beside many that are well.

use super::{Scenario, Workload};
use crate::draw::Draw;

const STREAM: u64 = (1 << 48) + 8;

impl Scenario {
    /// The family of crowds.
    pub fn crowd(seed: u64) -> Self {
        let mut draw = Draw::new(seed, STREAM);
        let small = Self::from_seed(seed);
        let participants = 10 + u8::try_from(draw.below(23)).unwrap_or(0);
        let clients = 10 + u16::try_from(draw.below(40)).unwrap_or(0);
        let transactions = 200 + u32::try_from(draw.below(400)).unwrap_or(0);
        let calm = small.is_calm();
        let workload = match small.workload {
            // As many to choose from for each client as in a small run.
            Workload::Transfers {
                accounts,
                overdraw_permille,
                audit_permille,
                read_only_permille,
                single_permille,
            } => Workload::Transfers {
                accounts: 4 * accounts,
                overdraw_permille,
                audit_permille,
                read_only_permille,
                single_permille,
            },
            orders @ Workload::Orders { .. } => orders,
        };
        let crowd = Self { participants, workload, transactions, clients, ..small };
        if !calm {
            return crowd;
        }
        // A simulated participant writes one record at a time. Where nothing may fail, there is time
        // for those of all the other clients before one's own.
        let deadline_ms = crowd.deadline_ms + 20 * u64::from(clients);
        Self { deadline_ms, acknowledge_ms: 2 * deadline_ms, ..crowd }
    }
}
