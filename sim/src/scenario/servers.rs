//! What the participants of a run are.

use serde::{Deserialize, Serialize};

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
