//! What happens in a run, told as it happens to whoever waits for it.
//!
//! Faults can wait for an event instead of a time: a moment in a run moves whenever anything else
//! does, and what matters is hit by luck. Places of the simulated world tell a sentry of what passes
//! there; it is heard at once, within the step that makes it happen. Where nobody listens it costs
//! a look.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::history::{Event, Place, Word};

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub enum Sign<'a> {
    /// An event that has just been written down.
    Event(&'a Event),
    /// A node, by its address, has just sent a message.
    Sent {
        /// The sender.
        from: u8,
        /// The receiver.
        to: u8,
        /// What it is.
        word: Word,
    },
    /// A node takes a message out of its inbox.
    Received {
        /// The sender.
        from: u8,
        /// The receiver.
        to: u8,
        /// What it is.
        word: Word,
    },
    /// A call of a place's disk begins, or has just been carried out.
    Disk {
        /// Whose disk.
        place: Place,
        /// Whether it is a sync, of a file or of the directory.
        sync: bool,
        /// Whether it has been carried out.
        done: bool,
    },
}

type Listener = Box<dyn Fn(Sign<'_>) + Send + Sync>;

/// Who is told. Clones tell the same listener.
#[derive(Clone, Default)]
pub struct Sentry(Arc<OnceLock<Listener>>);

impl Sentry {
    /// Has somebody listen, from now on. Only the first is heard.
    pub(crate) fn post(&self, listener: impl Fn(Sign<'_>) + Send + Sync + 'static) {
        // A world posts its own, once.
        let _other = self.0.set(Box::new(listener));
    }

    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.0.get().is_some()
    }

    /// Tells. Nothing that the listener may want to stop is locked meanwhile.
    pub(crate) fn tell(&self, sign: Sign<'_>) {
        if let Some(listener) = self.0.get() {
            listener(sign);
        }
    }
}

impl fmt::Debug for Sentry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentry").field("posted", &self.0.get().is_some()).finish()
    }
}
