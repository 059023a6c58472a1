//! Evaluation in a session: what an evaluation has to wait for is waited for here.

use std::time::Duration;

use super::Session;
use crate::error::{PgError, PgResult};
use crate::exec::{Evaluator, Journal, Stop, Wait};
use crate::heap::Snapshot;
use crate::value::Value;

impl Session {
    /// Evaluates something, again and again until it does not have to wait.
    ///
    /// # Errors
    /// Those of the evaluation, and of the wait.
    pub(super) async fn evaluate<T: Send>(
        &mut self,
        snapshot: &Snapshot,
        params: &[Value],
        mut evaluate: impl FnMut(&mut Evaluator<'_>) -> Result<T, Stop> + Send,
    ) -> PgResult<T> {
        let mut journal = Journal::default();
        loop {
            let wait = {
                let mut state = self.shared.interrupts()?;
                let mut evaluator = Evaluator {
                    state: &mut state,
                    session: &mut self.data,
                    params,
                    journal: &mut journal,
                    snapshot,
                };
                match evaluate(&mut evaluator) {
                    Ok(value) => return Ok(value),
                    Err(Stop::Error(error)) => return Err(error),
                    Err(Stop::Wait(wait)) => wait,
                }
            };
            journal.rewind();
            let result = self.wait(wait).await?;
            journal.waited(result);
        }
    }

    async fn wait(&mut self, wait: Wait) -> PgResult<Value> {
        match wait {
            Wait::Lock { tag, mode, span } => {
                self.lock_object(tag, mode, span).await?;
                Ok(Value::text(""))
            }
            Wait::Sleep(duration) => {
                self.shared.note(Some(("Timeout", "PgSleep")));
                let slept = self.pause(duration, |_| None::<()>).await;
                self.shared.note(None);
                slept.map(|_| Value::text(""))
            }
            Wait::Gone { pid, within } => {
                self.shared.note(Some(("IPC", "BackendTermination")));
                let gone = self
                    .pause(within, move |state| (!state.backends.contains_key(&pid)).then_some(()))
                    .await;
                self.shared.note(None);
                let gone = gone?.is_some();
                if !gone {
                    let ms = within.as_millis();
                    let text = format!(
                        "backend with PID {pid} did not terminate within {ms} milliseconds"
                    );
                    self.data.notices.push(PgError::warning("01000", text));
                }
                Ok(Value::Bool(gone))
            }
        }
    }

    /// Waits this long, or until something holds.
    async fn pause<T>(
        &self,
        duration: Duration,
        holds: impl FnMut(&mut crate::server::State) -> Option<T> + Send,
    ) -> PgResult<Option<T>> {
        const OVER: &str = "the pause is over";
        let mut deadlines = self.statement_deadline();
        deadlines.push((duration, PgError::new("00000", OVER)));
        match self.shared.until(deadlines, holds).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.message == OVER => Ok(None),
            Err(error) => Err(error),
        }
    }
}
