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
}

impl Servers {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
    pub(super) const fn are_simulated(&self) -> bool {
        matches!(self, Self::Simulated)
    }
}
