//! A server's write-ahead log on its node's disk, written in groups.
//!
//! One writer has the journal for a whole life of the server. What sessions append while the disk is
//! busy goes there in one write, as in Postgres; and a session that is gone takes nothing back.

use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use indoubt_sim_postgres::Wal;

use crate::bend::Drive;
use crate::journal::Journal;
use crate::lock::lock;

/// The log of one life of a server. Clones are of the same one.
#[derive(Clone, Default)]
pub(super) struct NodeWal(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    durable: Vec<Vec<u8>>,
    /// Appended, and not handed to the disk yet.
    waiting: Vec<Vec<u8>>,
    /// How many are being written.
    under_way: usize,
    /// Somebody waits for so many to be durable.
    wanted: usize,
    failed: Option<io::ErrorKind>,
    writer: Option<Waker>,
    sessions: Vec<Waker>,
}

impl Records {
    const fn appended(&self) -> usize {
        self.durable.len() + self.under_way + self.waiting.len()
    }

    fn want(&mut self, upto: usize) {
        self.wanted = self.wanted.max(upto);
        if self.wanted > self.durable.len()
            && let Some(writer) = self.writer.take()
        {
            writer.wake();
        }
    }
}

impl NodeWal {
    /// In which there is this already.
    pub(super) fn new(durable: Vec<Vec<u8>>) -> Self {
        Self(Arc::new(Mutex::new(Records { durable, ..Records::default() })))
    }

    /// Everything that is durable, in order.
    pub(super) fn durable(&self) -> Vec<Vec<u8>> {
        lock(&self.0).durable.clone()
    }

    /// Has everything written that was appended, though nobody waits for it: what Postgres's WAL writer
    /// does from time to time.
    pub(super) fn flush_behind(&self) {
        let mut records = lock(&self.0);
        let upto = records.appended();
        records.want(upto);
    }

    /// Writes, until a write fails.
    pub(super) async fn write(&self, mut journal: Journal<Drive, Vec<u8>>) -> io::Error {
        loop {
            let group = poll_fn(|cx| {
                let mut records = lock(&self.0);
                if records.wanted <= records.durable.len() || records.waiting.is_empty() {
                    records.writer = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                let group = std::mem::take(&mut records.waiting);
                records.under_way = group.len();
                Poll::Ready(group)
            })
            .await;
            let written = journal.write_all(&group).await;
            let sessions = {
                let mut records = lock(&self.0);
                records.under_way = 0;
                match &written {
                    Ok(()) => records.durable.extend(group),
                    Err(error) => records.failed = Some(error.kind()),
                }
                std::mem::take(&mut records.sessions)
            };
            sessions.into_iter().for_each(Waker::wake);
            if let Err(error) = written {
                return error;
            }
        }
    }

    /// Waits for this of the records, or for a write to fail.
    async fn until<T>(&self, mut ready: impl FnMut(&Records) -> Option<T>) -> io::Result<T> {
        poll_fn(|cx| {
            let mut records = lock(&self.0);
            if let Some(kind) = records.failed {
                return Poll::Ready(Err(io::Error::new(kind, "the log could not be written")));
            }
            if let Some(value) = ready(&records) {
                return Poll::Ready(Ok(value));
            }
            records.sessions.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

impl Wal for NodeWal {
    fn append(
        &self,
        record: Vec<u8>,
        flush: bool,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let upto = {
            let mut records = lock(&self.0);
            records.waiting.push(record);
            let upto = records.appended();
            if flush {
                records.want(upto);
            }
            upto
        };
        let wal = self.clone();
        async move {
            let durable =
                |records: &Records| (!flush || records.durable.len() >= upto).then_some(());
            wal.until(durable).await
        }
    }

    /// What is being written is waited for: it may be durable.
    fn recover(&self) -> impl Future<Output = io::Result<Vec<Vec<u8>>>> + Send + 'static {
        let wal = self.clone();
        lock(&wal.0).waiting.clear();
        async move {
            let read =
                |records: &Records| (records.under_way == 0).then(|| records.durable.clone());
            wal.until(read).await
        }
    }
}
