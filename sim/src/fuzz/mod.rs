//! Many runs: seeds over worker threads, what they reached, and the first that fails.

mod commit;
mod crashes;
mod halves;
mod reach;
mod sweep;

pub use commit::commit;
pub use crashes::{Broken, Crashes, Point, crashes};
pub use halves::Halves;
pub use reach::{CLAIMS, COMMITTED, Reach, SERVED};
pub use sweep::{Budget, Failure, Report, Sweep, sweep};
