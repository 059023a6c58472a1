//! A process's view of a disk: the storage that the shipped log is given.
//!
//! Futures of a killed process are dropped some time later, and may be polled until then. So
//! a mount that is dead answers nothing and does nothing: its calls stay pending.

use std::future::pending;
use std::io;
use std::time::Duration;

use indoubt_real::log::Storage;
use madsim::time::TimeHandle;

use super::SimDisk;
use super::machine::{Call, Holder, Machine, Roll};
use crate::time::Sleep;

/// A process's view of a disk. Clones are of the same process.
#[derive(Clone, Debug)]
pub struct Mount {
    disk: SimDisk,
    id: MountId,
}

/// Which mount of its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MountId(pub(super) u64);

/// A file, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Inode(pub(super) u64);

/// A file that is open for appending.
#[derive(Clone, Copy, Debug)]
pub struct SimFile(Inode);

/// The disk's lock, held.
#[derive(Debug)]
pub struct MountLock {
    disk: SimDisk,
    holder: Holder,
}

impl Drop for MountLock {
    fn drop(&mut self) {
        self.disk.machine().unlock(self.holder);
    }
}

impl Mount {
    pub(super) const fn new(disk: SimDisk, id: MountId) -> Self {
        Self { disk, id }
    }

    /// By which the harness names this mount.
    pub const fn id(&self) -> MountId {
        self.id
    }

    /// Carries out one call, at its beginning or at its end: a process that is killed in
    /// between leaves an effect that nobody was told of, or none.
    async fn call<T>(
        &self,
        call: Call,
        size: usize,
        effect: impl FnOnce(&mut Machine, Roll) -> io::Result<T> + Send,
    ) -> io::Result<T>
    where
        T: Send,
    {
        let sync = matches!(call, Call::Sync | Call::SyncDir);
        self.disk.tell(sync, false);
        let rolled = self.alive(|machine| machine.roll(call, now()));
        let Some(roll) = rolled else { return pending().await };
        let effect = |machine: &mut Machine| {
            let result = effect(machine, roll);
            machine.trace(call, size, result.as_ref().err().map(io::Error::kind));
            result
        };
        let result = if roll.early {
            let result = self.alive(effect);
            pass(roll.latency).await;
            self.alive(|_| ()).and(result)
        } else {
            pass(roll.latency).await;
            self.alive(effect)
        };
        if result.is_some() {
            self.disk.tell(sync, true);
        }
        match self.alive(|_| ()).and(result) {
            Some(result) => result,
            None => pending().await,
        }
    }

    fn alive<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> Option<T> {
        let mut machine = self.disk.machine();
        machine.is_alive(self.id).then(|| act(&mut machine))
    }
}

impl Storage for Mount {
    type File = SimFile;
    type Lock = MountLock;

    async fn lock(&self) -> io::Result<Option<MountLock>> {
        let holder = self.call(Call::Lock, 0, |machine, _| Ok(machine.lock(self.id))).await?;
        Ok(holder.map(|holder| MountLock { disk: self.disk.clone(), holder }))
    }

    async fn draw(&self) -> io::Result<u32> {
        let drawn = self.alive(Machine::draw);
        match drawn {
            Some(drawn) => Ok(drawn),
            None => pending().await,
        }
    }

    async fn list(&self) -> io::Result<Vec<String>> {
        self.call(Call::List, 0, Machine::list).await
    }

    async fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.call(Call::Read, 0, |machine, roll| machine.read(name, roll)).await
    }

    async fn create(&self, name: &str) -> io::Result<SimFile> {
        self.call(Call::Create, 0, |machine, _| machine.create(name, now())).await.map(SimFile)
    }

    async fn append(&self, file: &SimFile, bytes: Vec<u8>) -> io::Result<()> {
        self.call(Call::Append, bytes.len(), |machine, roll| {
            machine.append(file.0, &bytes, roll, now())
        })
        .await
    }

    async fn sync(&self, file: &SimFile) -> io::Result<()> {
        self.call(Call::Sync, 0, |machine, roll| machine.sync(file.0, roll)).await
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call(Call::Rename, 0, |machine, _| machine.rename(from, to)).await
    }

    async fn remove(&self, name: &str) -> io::Result<()> {
        self.call(Call::Remove, 0, |machine, _| machine.remove(name)).await
    }

    async fn sync_dir(&self) -> io::Result<()> {
        self.call(Call::SyncDir, 0, |machine, roll| machine.sync_dir(self.id, roll)).await
    }
}

fn now() -> Duration {
    TimeHandle::current().elapsed()
}

/// Lets virtual time pass.
async fn pass(duration: Duration) {
    if !duration.is_zero() {
        Sleep::exactly(duration).await;
    }
}
