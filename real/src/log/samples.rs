//! Decisions for the tests of this module.

use std::sync::Arc;

use super::lineages::Lineages;
use indoubt::protocol::BranchId;
use indoubt::{Commit, CoordinatorId, Gid, Lineage, LoggedBranch, Receipt};

pub(super) fn coordinator() -> CoordinatorId {
    "shop".parse().unwrap()
}

/// What [`Memory`](super::memory::Memory) makes of a log: it counts its draws.
pub(super) fn lineage(epoch: u64) -> Lineage {
    Lineage { log: 0, opening: u32::try_from(epoch).unwrap_or(u32::MAX) }
}

/// Of a log that was opened a few times.
pub(super) fn lineages() -> Lineages {
    let mut lineages = Lineages::new(0);
    (1..=3).for_each(|epoch| lineages.opened(epoch, lineage(epoch).opening));
    lineages
}

pub(super) fn gid(epoch: u64, sequence: u64) -> Gid {
    Gid { coordinator: coordinator(), epoch, sequence, lineage: lineage(epoch) }
}

/// With two branches, one of them without a receipt.
pub(super) fn decision(epoch: u64, sequence: u64) -> Arc<Commit> {
    let branch = |index, participant: &str, receipt: &[u8]| LoggedBranch {
        branch: BranchId::new(index).unwrap(),
        participant: participant.into(),
        receipt: Receipt::new(receipt).unwrap(),
    };
    let branches = vec![branch(0, "orders", b"xid 4711"), branch(3, "inventory", b"")];
    Arc::new(Commit { gid: gid(epoch, sequence), branches })
}
