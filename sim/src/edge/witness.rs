//! Who stands at a coordinator's edges and writes down what passes there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indoubt::{BranchGid, Lost};

use crate::history::{Ask, Event, Heard, Place, Tx};
use crate::time::Timed;

/// The history, as one life of a coordinator's process writes to it.
///
/// A killed process has its futures dropped some time later, when another life may have begun
/// or the run may be over. So what it writes then is not written.
#[derive(Clone)]
pub struct Witness {
    by: Place,
    events: Timed,
    lives: Arc<AtomicBool>,
}

impl Witness {
    /// At the edges of a process that has just come up.
    pub fn new(by: Place, events: Timed) -> Self {
        Self { by, events, lives: Arc::new(AtomicBool::new(true)) }
    }

    /// Who writes down what is still to be seen of the process when it has ended.
    pub(crate) fn beyond(&self) -> Self {
        Self::new(self.by, self.events.clone())
    }

    /// The process.
    pub const fn by(&self) -> Place {
        self.by
    }

    /// The process is killed.
    pub fn end(&self) {
        self.lives.store(false, Ordering::Relaxed);
    }

    /// Goes on if the process lives, and else never: whoever has brought about its own end runs on
    /// to its next await.
    pub async fn unless_ended(&self) {
        if !self.lives.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }

    /// The virtual time since the run began.
    pub(crate) fn now(&self) -> Duration {
        self.events.now()
    }

    /// Writes an event down.
    pub fn record(&self, event: Event) {
        if self.lives.load(Ordering::Relaxed) {
            self.events.record(event);
        }
    }

    /// Waits for an answer and writes down that it came, or, when the waiting is dropped, that
    /// it was given up.
    pub async fn wait<T>(
        &self,
        answer: impl Future<Output = T>,
        came: impl FnOnce(&T) -> Event,
        given_up: Event,
    ) -> T {
        let answer = self.unless_given_up(answer, given_up).await;
        self.record(came(&answer));
        answer
    }

    /// Asks something of a participant about a branch, and writes down the question and what came
    /// of it.
    pub(crate) async fn asks<T>(
        &self,
        gid: &BranchGid,
        p: u8,
        ask: Ask,
        answer: impl Future<Output = Result<T, Lost>>,
        heard: impl FnOnce(&T) -> Heard,
    ) -> Result<T, Lost> {
        let (tx, by) = (Tx::of(&gid.gid), self.by);
        self.record(Event::Asked { tx, p, by, ask });
        let came = |answer: &Result<T, Lost>| {
            let heard = answer.as_ref().map_or(Heard::Lost, heard);
            Event::Heard { tx, p, by, ask, heard }
        };
        self.wait(answer, came, Event::GaveUp { tx, p, by, ask }).await
    }

    /// Waits for an answer, and writes down when the waiting is dropped.
    pub async fn unless_given_up<T>(&self, answer: impl Future<Output = T>, given_up: Event) -> T {
        let mut waiting = Waiting { witness: self, given_up: Some(given_up) };
        let answer = answer.await;
        waiting.given_up = None;
        answer
    }
}

struct Waiting<'a> {
    witness: &'a Witness,
    given_up: Option<Event>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(given_up) = self.given_up.take() {
            self.witness.record(given_up);
        }
    }
}
