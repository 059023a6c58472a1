//! What a server needs of its host, in memory: a disk and a clock.

#![allow(dead_code, reason = "each binary of tests uses a part of it")]

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indoubt_sim_postgres::{Clock, Wal};
use tokio::time::Instant;

/// A log in memory.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Platter>>);

#[derive(Default)]
struct Platter {
    records: Vec<Vec<u8>>,
    /// So many of them a crash leaves.
    durable: usize,
    latency: Duration,
    broken: bool,
    flushes: usize,
}

impl Disk {
    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a flush takes from now on.
    pub(crate) fn slow(&self, latency: Duration) {
        self.platter().latency = latency;
    }

    /// Every write fails from now on.
    pub(crate) fn break_down(&self) {
        self.platter().broken = true;
    }

    pub(crate) fn repair(&self) {
        self.platter().broken = false;
    }

    pub(crate) fn flushes(&self) -> usize {
        self.platter().flushes
    }

    /// A copy of what is durable, as another machine would have it.
    pub(crate) fn copy(&self) -> Self {
        let platter = self.platter();
        let records = platter.records[..platter.durable].to_vec();
        let durable = records.len();
        Self(Arc::new(Mutex::new(Platter { records, durable, ..Platter::default() })))
    }

    /// The same without the last record that is durable.
    pub(crate) fn cut(&self) -> Self {
        let copy = self.copy();
        {
            let mut platter = copy.platter();
            platter.records.pop();
            platter.durable -= 1;
        }
        copy
    }
}

impl Wal for Disk {
    fn append(
        &self,
        record: Vec<u8>,
        flush: bool,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let (end, latency) = {
            let mut platter = self.platter();
            platter.records.push(record);
            (platter.records.len(), platter.latency)
        };
        let disk = self.clone();
        async move {
            if flush {
                tokio::time::sleep(latency).await;
                let mut platter = disk.platter();
                if platter.broken {
                    return Err(io::Error::other("the disk is broken"));
                }
                platter.durable = platter.durable.max(end);
                platter.flushes += 1;
            }
            Ok(())
        }
    }

    fn recover(&self) -> impl Future<Output = io::Result<Vec<Vec<u8>>>> + Send + 'static {
        let records = {
            let mut platter = self.platter();
            let durable = platter.durable;
            platter.records.truncate(durable);
            platter.records.clone()
        };
        async move { Ok(records) }
    }
}

/// Tokio's time, as if it had begun in 2026.
#[derive(Clone, Copy)]
pub(crate) struct Time(pub(crate) Instant);

impl Clock for Time {
    fn now(&self) -> Duration {
        Duration::from_millis(1_795_000_000_250) + self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(duration)
    }
}
