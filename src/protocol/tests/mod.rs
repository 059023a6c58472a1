//! The machines, input by input.

mod recovery;
mod transaction;

use super::BranchId;

fn branch(index: u8) -> BranchId {
    BranchId::new(index).expect("below the limit")
}
