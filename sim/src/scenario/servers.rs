//! What the participants of a run are.

use serde::{Deserialize, Serialize};

use super::aim::{after, cue};
use super::{Fault, FaultKind, Scenario, When};
use crate::draw::Draw;

const STREAM: u64 = (1 << 48) + 10;

/// What the participants of a run are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Servers {
    /// Databases of this crate, which are told what to do by messages.
    #[default]
    Simulated,
    /// Servers that speak Postgres's protocol, behind the shipped adapter.
    Postgres,
    /// Such servers with the databases of a service of one's own, which no scenario can leave out; nor
    /// does it say what the service does.
    Own,
}

impl Servers {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
    pub(super) const fn are_simulated(&self) -> bool {
        matches!(self, Self::Simulated)
    }
}

impl Scenario {
    /// The same run at participants of this kind, with faults of their own in it: in half of the runs a few
    /// sessions of Postgres servers are ended, or crash. Drawn from a stream of its own.
    pub fn at(mut self, servers: Servers) -> Self {
        self.servers = servers;
        let mut draw = Draw::new(self.seed, STREAM);
        if servers == Servers::Simulated || self.faults.is_empty() || draw.below(2) == 0 {
            return self;
        }
        for _ in 0..=draw.below(3) {
            let p = u8::try_from(draw.below(self.participants.into())).unwrap_or(0);
            let kind = match draw.below(2) {
                0 => FaultKind::EndSessions { p },
                _ => FaultKind::SessionCrash { p },
            };
            let (at_ms, waits) = (draw.below(self.heal_ms), draw.below(2) == 0);
            let on = When::On(cue(&mut draw, self.transactions.into()), after(&mut draw));
            let when = if waits { on } else { When::At(at_ms) };
            self.faults.push(Fault { when, for_ms: 1, kind });
        }
        self
    }
}
