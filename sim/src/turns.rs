//! Turns that are taken first come first served.
//!
//! The mutex of `futures` makes no such promise, and does not keep it either: whoever asks anew can
//! come before those who wait.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures::channel::oneshot;

use crate::lock::lock;

/// Where turns are taken.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<Line>>);

#[derive(Default)]
struct Line {
    taken: bool,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// Somebody's turn, until it is dropped.
pub(crate) struct Turn(Turns);

impl Turns {
    /// Waits until it is one's turn.
    ///
    /// # Cancel safety
    /// Whoever stops waiting is passed over.
    pub(crate) async fn take(&self) -> Turn {
        let turn = {
            let mut line = lock(&self.0);
            if line.taken {
                let (sender, turn) = oneshot::channel();
                line.waiting.push_back(sender);
                Some(turn)
            } else {
                line.taken = true;
                None
            }
        };
        match turn {
            None => Turn(self.clone()),
            Some(turn) => match turn.await {
                Ok(turn) => turn,
                // The line goes only with its last turn.
                Err(oneshot::Canceled) => std::future::pending().await,
            },
        }
    }
}

impl Drop for Turn {
    /// The next one's. If that one has gone, it is dropped there, and passes on again.
    fn drop(&mut self) {
        let next = {
            let mut line = lock(&self.0.0);
            let next = line.waiting.pop_front();
            line.taken = next.is_some();
            next
        };
        if let Some(next) = next {
            let _gone = next.send(Self(self.0.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn whoever_comes_first_is_first_and_whoever_has_gone_is_passed_over() {
        let turns = Turns::default();
        let first = turns.take().now_or_never().expect("nobody has it");
        let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(turns.take())).collect();
        assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()));
        let (gone, handed) = (waiting.remove(1), waiting.remove(0));
        drop(gone);
        drop(first);
        // It is handed over before anybody looks, and not to whoever asks now.
        assert!(turns.take().now_or_never().is_none());
        drop(handed);
        let second = waiting.remove(0).now_or_never().expect("the next of those who wait");
        assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()));
        drop(second);
        let last = waiting.remove(0).now_or_never().expect("the last of those who wait");
        drop(last);
        assert!(turns.take().now_or_never().is_some());
    }
}
