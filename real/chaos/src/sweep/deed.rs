//! What is done at a message.

use std::fmt;
use std::str::FromStr;

/// What is done at a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// It is not delivered, and the connection is cut. Of a reply: its effect happened, the answer is lost.
    CutBefore,
    /// It is delivered, and the connection is cut behind it.
    CutAfter,
    /// It is the last that goes its way; the other way is open.
    HalfClose,
    /// It comes well after the deadline.
    Delay,
    /// The server is killed when the message is before it, or just behind it, and the message is lost.
    KillServer,
    /// The coordinator's process is killed then, and the message is lost.
    KillCoordinator,
}

impl Deed {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::CutBefore,
        Self::CutAfter,
        Self::HalfClose,
        Self::Delay,
        Self::KillServer,
        Self::KillCoordinator,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::CutBefore => "cut-before",
            Self::CutAfter => "cut-after",
            Self::HalfClose => "half-close",
            Self::Delay => "delay",
            Self::KillServer => "kill-server",
            Self::KillCoordinator => "kill-coordinator",
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Deed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|deed| deed.name() == text);
        found.ok_or_else(|| format!("{text:?} is not done to messages: {names} are"))
    }
}
