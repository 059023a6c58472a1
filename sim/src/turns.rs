//! Something that one at a time has, first come first served.
//!
//! The mutex of `futures` makes no such promise, and does not keep it either: whoever asks anew can
//! come before those who wait.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use futures::channel::oneshot;

use crate::lock::lock;

/// What is had by turns.
pub(crate) struct Turns<T>(Arc<Mutex<Line<T>>>);

struct Line<T> {
    /// It, while nobody has it.
    free: Option<T>,
    waiting: VecDeque<oneshot::Sender<Turn<T>>>,
}

/// Somebody's turn, until it is dropped.
pub(crate) struct Turn<T> {
    /// Until it is dropped.
    had: Option<T>,
    line: Arc<Mutex<Line<T>>>,
}

impl<T> Turns<T> {
    pub(crate) fn new(of: T) -> Self {
        Self(Arc::new(Mutex::new(Line { free: Some(of), waiting: VecDeque::new() })))
    }

    /// Waits until it is one's turn.
    ///
    /// # Cancel safety
    /// Whoever stops waiting is passed over.
    pub(crate) async fn take(&self) -> Turn<T> {
        let turn = {
            let mut line = lock(&self.0);
            if let Some(had) = line.free.take() {
                return Turn { had: Some(had), line: self.0.clone() };
            }
            let (sender, turn) = oneshot::channel();
            line.waiting.push_back(sender);
            turn
        };
        match turn.await {
            Ok(turn) => turn,
            // The line goes only with its last turn.
            Err(oneshot::Canceled) => std::future::pending().await,
        }
    }
}

const HAD: &str = "it is had until the turn is dropped";

impl<T> Deref for Turn<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.had.as_ref().expect(HAD)
    }
}

impl<T> DerefMut for Turn<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.had.as_mut().expect(HAD)
    }
}

impl<T> Drop for Turn<T> {
    /// The next one's. If that one has gone, it is dropped there, and passes on again.
    fn drop(&mut self) {
        let had = self.had.take();
        let next = {
            let mut line = lock(&self.line);
            let next = line.waiting.pop_front();
            if next.is_none() {
                line.free = had;
                return;
            }
            next
        };
        if let Some(next) = next {
            let _gone = next.send(Self { had, line: self.line.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn whoever_comes_first_is_first_and_whoever_has_gone_is_passed_over() {
        let turns = Turns::new(0);
        let mut first = turns.take().now_or_never().expect("nobody has it");
        *first += 1;
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
        assert_eq!(turns.take().now_or_never().as_deref(), Some(&1));
    }
}
