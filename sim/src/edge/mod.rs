//! Who stands at a coordinator's edges: what passes there is written down as it is, under
//! anything that a test puts between the parts.

mod attended;
mod watched;
mod witness;

pub use attended::{Attended, AttendedBranch};
pub use watched::Watched;
pub use witness::Witness;
