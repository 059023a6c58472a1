//! Standard output, of which a SIGKILL loses nothing that was said.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use crate::words::Said;

/// Says lines, one at a time. Clones say them in the same place.
#[derive(Clone, Debug, Default)]
pub(super) struct Mouth(Arc<Mutex<()>>);

impl Mouth {
    /// Says it, and returns when the kernel has all of it.
    pub(super) fn say(&self, said: &Said) {
        // What is said is plain data with string keys: it can be written.
        let mut line = serde_json::to_string(said).unwrap_or_default();
        line.push('\n');
        let _alone = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = std::io::stdout().lock();
        let said = out.write_all(line.as_bytes()).and_then(|()| out.flush());
        if said.is_err() {
            // Nobody listens any more: what nobody can judge must not happen.
            std::process::exit(1);
        }
    }
}
