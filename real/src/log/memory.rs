//! A directory in memory that fails on demand, for the tests of this module. Crashes are
//! absent: the simulated disk has them.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;

use super::storage::Storage;

type Content = Arc<Mutex<Vec<u8>>>;

/// Clones are the same directory.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    files: BTreeMap<String, Content>,
    locked: u64,
    /// What the lock is refused with, if it is.
    pub(super) unfit: Option<&'static str>,
    pub(super) syncs: u64,
    pub(super) renames: u64,
    pub(super) creates: u64,
    /// Whether every call takes a while, and not syncs alone.
    pub(super) slow: bool,
    /// Draws so far: each is this number.
    pub(super) draws: u32,
    /// How many of the next calls of each kind fail.
    pub(super) failing_appends: u64,
    pub(super) failing_syncs: u64,
    pub(super) failing_lists: u64,
    pub(super) failing_creates: u64,
}

impl Memory {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn break_lock(&self) {
        self.state().locked = 0;
    }

    pub(super) fn content(&self, name: &str) -> Vec<u8> {
        self.state().files[name].lock().unwrap().clone()
    }

    pub(super) fn put(&self, name: &str, bytes: Vec<u8>) {
        self.state().files.insert(name.to_owned(), Arc::new(Mutex::new(bytes)));
    }

    pub(super) fn delete(&self, name: &str) {
        self.state().files.remove(name).unwrap();
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.state().files.keys().cloned().collect()
    }

    async fn take_a_while(&self) {
        let slow = self.state().slow;
        if slow {
            pause().await;
        }
    }

    /// A directory of its own with the same files.
    pub(super) fn copy(&self) -> Self {
        let copy = Self::default();
        copy.state().draws = self.state().draws;
        for name in self.names() {
            copy.put(&name, self.content(&name));
        }
        copy
    }
}

pub(super) struct Lock(Memory, u64);

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.locked == self.1 {
            state.locked = 0;
        }
    }
}

fn fails(left: &mut u64) -> bool {
    let fails = *left > 0;
    *left = left.saturating_sub(1);
    fails
}

/// Lets other futures of the same task run.
pub(super) async fn pause() {
    let mut paused = false;
    poll_fn(|context| {
        if std::mem::replace(&mut paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Storage for Memory {
    type File = Content;
    type Lock = Lock;

    async fn lock(&self) -> io::Result<Option<Lock>> {
        let holder = self.state().syncs + 1;
        let mut state = self.state();
        if let Some(unfit) = state.unfit {
            return Err(io::Error::new(io::ErrorKind::Unsupported, unfit));
        }
        if state.locked > 0 {
            return Ok(None);
        }
        state.locked = holder;
        Ok(Some(Lock(self.clone(), holder)))
    }

    async fn draw(&self) -> io::Result<u32> {
        let mut state = self.state();
        state.draws += 1;
        Ok(state.draws - 1)
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        self.take_a_while().await;
        if fails(&mut self.state().failing_lists) {
            Err(io::Error::other("no list"))
        } else {
            Ok(self.names())
        }
    }

    async fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let content = self.state().files.get(name).cloned().ok_or(io::ErrorKind::NotFound)?;
        let bytes = content.lock().unwrap().clone();
        Ok(bytes)
    }

    async fn create(&self, name: &str) -> io::Result<Content> {
        self.take_a_while().await;
        let mut state = self.state();
        if fails(&mut state.failing_creates) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if state.files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.creates += 1;
        Ok(Arc::clone(state.files.entry(name.to_owned()).or_default()))
    }

    async fn append(&self, file: &Content, bytes: Vec<u8>) -> io::Result<()> {
        self.take_a_while().await;
        let short = fails(&mut self.state().failing_appends);
        let count = if short { bytes.len() / 2 } else { bytes.len() };
        file.lock().unwrap().extend_from_slice(&bytes[..count]);
        if short { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    async fn sync(&self, _: &Content) -> io::Result<()> {
        pause().await;
        let mut state = self.state();
        state.syncs += 1;
        if fails(&mut state.failing_syncs) { Err(io::Error::other("no sync")) } else { Ok(()) }
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.take_a_while().await;
        let mut state = self.state();
        let content = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.renames += 1;
        state.files.insert(to.to_owned(), content);
        Ok(())
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        self.state().files.remove(name).map(drop).ok_or(io::ErrorKind::NotFound.into())
    }

    async fn sync_dir(&self) -> io::Result<()> {
        self.take_a_while().await;
        Ok(())
    }
}
