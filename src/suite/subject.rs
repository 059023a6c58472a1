//! What a suite has to know of a participant beside the trait: its work, and how to see it.

use std::error::Error;
use std::time::Duration;

use crate::{CoordinatorId, Participant};

/// Why a subject could not do as it was asked.
pub type Failed = Box<dyn Error + Send + Sync>;

/// A participant, and the database behind it.
pub trait Subject {
    /// The participant.
    type Participant: Participant;

    /// A handle as another process would have it: it shares nothing in memory with other handles that
    /// it does not get from the database.
    fn participant(&self) -> Self::Participant;

    /// The coordinator that the suite plays: nobody else's, and with no branches prepared. It also
    /// plays others, whose ids begin with this one.
    fn owner(&self) -> CoordinatorId;

    /// Does work at a branch that leaves this key behind if the branch commits. Nobody else can leave
    /// the same key before the branch has ended.
    ///
    /// # Errors
    /// The work was refused, such as for a key that is taken. It must not wait for long.
    fn write(
        &self,
        branch: &<Self::Participant as Participant>::Branch,
        key: u32,
    ) -> impl Future<Output = Result<(), Failed>>;

    /// Does work at a branch for which its vote is no, such as what a deferred constraint finds wrong.
    ///
    /// # Errors
    /// The work was refused by itself.
    fn spoil(
        &self,
        branch: &<Self::Participant as Participant>::Branch,
        key: u32,
    ) -> impl Future<Output = Result<(), Failed>>;

    /// Whether a key was left behind, for everybody to see.
    ///
    /// # Errors
    /// It could not be seen.
    fn has(&self, key: u32) -> impl Future<Output = Result<bool, Failed>>;

    /// Takes the database's power, and gives it back. `Ok(false)` if this subject has none to lose.
    ///
    /// # Errors
    /// It did not come back.
    fn restart(&self) -> impl Future<Output = Result<bool, Failed>> {
        async { Ok(false) }
    }

    /// Waits this long.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()>;
}
