//! What a reader has to know of the writer, without waiting for it.
//!
//! A force that nobody waits for any more may still be in the batch that is being written, or be
//! part of one that failed. Only then does an answer about it depend on the writer; all others can
//! be given while it writes. So under traffic a reader waits for one batch at most.

use futures::channel::oneshot;

use super::key::Key;

/// The writer's state.
#[derive(Debug, Default)]
pub(super) struct WriterState {
    now: Now,
    /// Told when it changes.
    waiting: Vec<oneshot::Sender<()>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Now {
    #[default]
    Clean,
    /// These are on their way to the file.
    Writing(Vec<Key>),
    /// What the file holds is not known.
    Broken,
}

/// What an answer depends on.
pub(super) enum Depends {
    /// On the ledger alone.
    Ledger,
    /// On the batch that is being written, or on the repair of the file. Whoever brings that to
    /// its end, this is told: ask again then.
    Writer(oneshot::Receiver<()>),
}

impl WriterState {
    /// What an answer about this gid depends on; without one, about those that are known.
    pub(super) fn depends(&mut self, on: Option<Key>) -> Depends {
        match &self.now {
            Now::Broken => Depends::Writer(self.wait()),
            Now::Writing(keys) if on.is_some_and(|key| keys.contains(&key)) => {
                Depends::Writer(self.wait())
            }
            Now::Clean | Now::Writing(_) => Depends::Ledger,
        }
    }

    fn wait(&mut self) -> oneshot::Receiver<()> {
        let (told, waits) = oneshot::channel();
        self.waiting.retain(|one| !one.is_canceled());
        self.waiting.push(told);
        waits
    }

    /// A batch with these decisions is going to be written.
    pub(super) fn write(&mut self, keys: impl Iterator<Item = Key>) {
        if self.now != Now::Broken {
            self.now = Now::Writing(keys.collect());
        }
    }

    /// It was, or what the file holds is not known.
    pub(super) fn written(&mut self, broken: bool) {
        self.turn(if broken { Now::Broken } else { Now::Clean });
    }

    /// It was not written to its end.
    pub(super) fn interrupt(&mut self) {
        if matches!(self.now, Now::Writing(_)) {
            self.turn(Now::Broken);
        }
    }

    /// The file holds what the ledger says.
    pub(super) fn repaired(&mut self) {
        if self.now == Now::Broken {
            self.turn(Now::Clean);
        }
    }

    fn turn(&mut self, now: Now) {
        self.now = now;
        for one in self.waiting.drain(..) {
            // Whoever has stopped waiting need not know.
            let _ = one.send(());
        }
    }
}
