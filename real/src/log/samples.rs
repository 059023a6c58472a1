//! Decisions for the tests of this module.

use std::sync::Arc;

use indoubt::protocol::BranchId;
use indoubt::{Commit, CoordinatorId, Gid, Lineage, LoggedBranch, Receipt};

pub(super) fn coordinator() -> CoordinatorId {
    "shop".parse().unwrap()
}

pub(super) const fn lineage() -> Lineage {
    Lineage { log: 0, opening: 0 }
}

pub(super) fn gid(epoch: u64, sequence: u64) -> Gid {
    Gid { coordinator: coordinator(), epoch, sequence, lineage: lineage() }
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
