//! A seat at a simulated node: what a hosted participant is given to live on.

use std::io;
use std::marker::PhantomData;
use std::sync::Arc;

use futures::channel::mpsc::UnboundedSender;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Teller;
use crate::bend::Drive;
use crate::clock::NodeClock;
use crate::journal;
use crate::turns::Turns;

/// A seat at a simulated node.
pub struct Seat {
    /// The participant's number, from 0. Whatever it calls itself, the coordinator knows it as
    /// `participant-` and that.
    pub p: u8,
    /// The rows that the workload wants there before the run.
    pub rows: Vec<(u64, i64)>,
    /// Who is told what becomes durable.
    pub teller: Teller,
    /// Its machine's clock.
    pub clock: NodeClock,
    pub(super) records: Vec<Vec<u8>>,
    pub(super) pages: Arc<Pages>,
}

impl Seat {
    /// The name by which the coordinator knows it.
    pub fn name(&self) -> String {
        crate::history::Place::Participant(self.p).to_string()
    }

    /// Its journal, and all that is durable in it, in order.
    ///
    /// # Errors
    /// There are records of another type in it.
    pub fn journal<R: Serialize + DeserializeOwned>(&self) -> io::Result<(Journal<R>, Vec<R>)> {
        let decode = |bytes: &Vec<u8>| postcard::from_bytes(bytes).map_err(io::Error::other);
        let records = self.records.iter().map(decode).collect::<io::Result<_>>()?;
        Ok((Journal { pages: self.pages.clone(), records: PhantomData }, records))
    }
}

/// A journal on the node's disk. Clones write to the same one.
pub struct Journal<R> {
    pages: Arc<Pages>,
    records: PhantomData<fn(R)>,
}

// Derived, it would ask the same of the records.
impl<R> Clone for Journal<R> {
    fn clone(&self) -> Self {
        Self { pages: self.pages.clone(), records: PhantomData }
    }
}

impl<R: Serialize> Journal<R> {
    /// Appends a record and forces it to the disk. Records of several callers are written one at a
    /// time.
    ///
    /// # Durability
    /// The record survives every crash once this has returned.
    ///
    /// # Errors
    /// The record may be durable or not. The node loses its power then, as a database's server does
    /// that cannot sync, and the participant is opened again.
    ///
    /// # Cancel safety
    /// A call that is dropped has written the record, or not, or leaves a journal that is opened
    /// again.
    pub async fn write(&self, record: &R) -> io::Result<()> {
        self.pages.append(postcard::to_stdvec(record).map_err(io::Error::other)?).await
    }
}

/// The journal on a disk, and who hears that it has failed.
pub(super) struct Pages {
    pub(super) journal: Turns<journal::Journal<Drive, Vec<u8>>>,
    pub(super) failed: UnboundedSender<io::Error>,
}

impl Pages {
    async fn append(&self, record: Vec<u8>) -> io::Result<()> {
        let written = self.journal.take().await.write(&record).await;
        written.map_err(|error| {
            let copy = io::Error::new(error.kind(), error.to_string());
            let _over = self.failed.unbounded_send(error);
            copy
        })
    }
}
