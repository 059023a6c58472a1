//! Recovery as the order has it: a sweep for one suspect, and what the log tells it.

use super::director::Director;
use super::outcome::{Impossible, Stop};
use crate::bend::Bend;
use crate::history::Place;
use crate::story::LogReading;

impl<B: Bend> Director<'_, B> {
    /// A sweep of its own, beside the driver's. Its scans find what the order says.
    pub(super) fn suspect(&self, c: u8) -> Result<(), Stop> {
        let coordinator = self.acting(c)?.coordinator;
        self.on(Place::Coordinator(c), async move {
            // What it reports, the branches tell.
            let _report = coordinator.recover().await;
        });
        Ok(())
    }

    /// The log is read for the suspect.
    pub(super) async fn consult(&mut self, c: u8, t: u8, reading: LogReading) -> Result<(), Stop> {
        if let Some(held) = self.consulting.remove(&(c, t)) {
            return self.answer(t, c, held, reading).await;
        }
        // A sweep asks first what the log owes. It hears there that it is fenced, and ends.
        match (self.before().is_succeeded(c.into()), reading) {
            (true, LogReading::Truth) => Err(Impossible::SucceededReads.into()),
            (true, LogReading::Unreadable | LogReading::Fenced) => Ok(()),
            (false, _) => Err(Stop::differ("recovery reading the log", "no recovery")),
        }
    }
}
