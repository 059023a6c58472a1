//! The log's records as bytes.
//!
//! A file begins with one snapshot, all that is known at that moment, and goes on with
//! batches, each what one sync made durable together. The codec is written by hand and
//! strict: what it accepts is exactly what it writes. Absent: checksums and torn tails, which
//! are the framing's.

use std::sync::Arc;

use indoubt::protocol::BranchId;
use indoubt::{Commit, CoordinatorId, Gid, LoggedBranch, Receipt};

use super::key::Key;
use super::lineages::Lineages;
use super::ranges::Range;

/// The longest participant name, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 1024;

const VERSION: u16 = 2;
const MAGIC: &[u8] = b"indoubt\n";

const SNAPSHOT: u8 = 1;
const BATCH: u8 = 2;
const COMMIT: u8 = 1;
const FORGET: u8 = 2;

/// The whole of a log's knowledge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) coordinator: CoordinatorId,
    pub(super) lineages: Lineages,
    /// Finished commits up to here may have been dropped.
    pub(super) horizon: Key,
    /// The latest finished ones, in the order in which they finished.
    pub(super) finished: Vec<Key>,
    /// The finished ones before those.
    pub(super) settled: Vec<Range>,
    pub(super) unfinished: Vec<Arc<Commit>>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    Commit(Arc<Commit>),
    Forget(Key),
}

/// A payload that this version did not write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    Version(u16),
    Content,
}

/// Why a commit cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the participant name {name:.40?}... is {} bytes long: use names of at most {MAX_NAME_BYTES} bytes",
    name.len()
)]
pub(super) struct NameTooLong {
    name: Arc<str>,
}

/// A snapshot's payload.
pub(super) fn snapshot(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = vec![SNAPSHOT];
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    put_text(&mut out, snapshot.coordinator.as_str());
    out.extend_from_slice(&snapshot.lineages.log.to_le_bytes());
    put_count(&mut out, snapshot.lineages.openings.len());
    for (epoch, drawn) in &snapshot.lineages.openings {
        out.extend_from_slice(&epoch.to_le_bytes());
        out.extend_from_slice(&drawn.to_le_bytes());
    }
    put_key(&mut out, snapshot.horizon);
    put_count(&mut out, snapshot.finished.len());
    for &key in &snapshot.finished {
        put_key(&mut out, key);
    }
    put_count(&mut out, snapshot.settled.len());
    for range in &snapshot.settled {
        put_key(&mut out, range.first);
        out.extend_from_slice(&range.last.to_le_bytes());
    }
    put_count(&mut out, snapshot.unfinished.len());
    for commit in &snapshot.unfinished {
        put_commit(&mut out, commit);
    }
    out
}

/// A batch's payload.
pub(super) fn batch<'a>(
    commits: impl Iterator<Item = &'a Commit>,
    forgets: impl Iterator<Item = Key>,
) -> Vec<u8> {
    let mut out = vec![BATCH];
    for commit in commits {
        out.push(COMMIT);
        put_commit(&mut out, commit);
    }
    for key in forgets {
        out.push(FORGET);
        put_key(&mut out, key);
    }
    out
}

/// Whether a commit can be written and read back.
pub(super) fn check(commit: &Commit) -> Result<(), NameTooLong> {
    match commit.branches.iter().find(|branch| branch.participant.len() > MAX_NAME_BYTES) {
        Some(branch) => Err(NameTooLong { name: Arc::clone(&branch.participant) }),
        None => Ok(()),
    }
}

/// About how many bytes a commit takes.
pub(super) fn size(commit: &Commit) -> usize {
    21 + commit
        .branches
        .iter()
        .map(|b| 4 + b.participant.len() + b.receipt.as_bytes().len())
        .sum::<usize>()
}

pub(super) fn read_snapshot(payload: &[u8]) -> Result<Snapshot, Malformed> {
    let mut rest = Rest(payload);
    if rest.byte() != Some(SNAPSHOT) || rest.take(MAGIC.len()) != Some(MAGIC) {
        return Err(Malformed::Content);
    }
    match rest.u16() {
        Some(VERSION) => rest.snapshot().filter(|_| rest.0.is_empty()).ok_or(Malformed::Content),
        Some(version) => Err(Malformed::Version(version)),
        None => Err(Malformed::Content),
    }
}

pub(super) fn read_batch(
    payload: &[u8],
    coordinator: &CoordinatorId,
    lineages: &Lineages,
) -> Result<Vec<Record>, Malformed> {
    let mut rest = Rest(payload);
    let mut records = Vec::new();
    if rest.byte() != Some(BATCH) {
        return Err(Malformed::Content);
    }
    while let Some(kind) = rest.byte() {
        let record = match kind {
            COMMIT => rest.commit(coordinator, lineages).map(Record::Commit),
            FORGET => rest.key().map(Record::Forget),
            _ => None,
        };
        records.push(record.ok_or(Malformed::Content)?);
    }
    Ok(records)
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).expect("fewer than 2^32 records").to_le_bytes());
}

fn put_key(out: &mut Vec<u8>, key: Key) {
    out.extend_from_slice(&key.epoch.to_le_bytes());
    out.extend_from_slice(&key.sequence.to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u16::try_from(text.len()).expect("names are bounded").to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_commit(out: &mut Vec<u8>, commit: &Commit) {
    put_key(out, Key::of(&commit.gid));
    out.push(u8::try_from(commit.branches.len()).expect("branches are bounded"));
    for branch in &commit.branches {
        out.push(branch.branch.index());
        put_text(out, &branch.participant);
        let receipt = branch.receipt.as_bytes();
        out.push(u8::try_from(receipt.len()).expect("receipts are bounded"));
        out.extend_from_slice(receipt);
    }
}

/// What is left of a payload; `None` from any method means that it is malformed.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn count(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn key(&mut self) -> Option<Key> {
        Some(Key {
            epoch: self.array().map(u64::from_le_bytes)?,
            sequence: self.array().map(u64::from_le_bytes)?,
        })
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(self.u16()?);
        str::from_utf8(self.take(length)?).ok()
    }

    fn commit(&mut self, coordinator: &CoordinatorId, lineages: &Lineages) -> Option<Arc<Commit>> {
        let Key { epoch, sequence } = self.key()?;
        let lineage = lineages.of(epoch)?;
        let count = self.byte()?;
        let branches = (0..count).map(|_| self.branch()).collect::<Option<Vec<_>>>()?;
        Some(Arc::new(Commit {
            gid: Gid { coordinator: coordinator.clone(), epoch, sequence, lineage },
            branches,
        }))
    }

    fn branch(&mut self) -> Option<LoggedBranch> {
        let branch = BranchId::new(self.byte()?)?;
        let participant = self.text().filter(|name| name.len() <= MAX_NAME_BYTES)?.into();
        let length = usize::from(self.byte()?);
        let receipt = Receipt::new(self.take(length)?)?;
        Some(LoggedBranch { branch, participant, receipt })
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        let coordinator: CoordinatorId = self.text()?.parse().ok()?;
        let lineages = self.lineages()?;
        let horizon = self.key()?;
        let finished = (0..self.count()?).map(|_| self.key()).collect::<Option<Vec<_>>>()?;
        let settled = (0..self.count()?).map(|_| self.range()).collect::<Option<Vec<_>>>()?;
        let unfinished = (0..self.count()?)
            .map(|_| self.commit(&coordinator, &lineages))
            .collect::<Option<Vec<_>>>()?;
        Some(Snapshot { coordinator, lineages, horizon, finished, settled, unfinished })
    }

    fn lineages(&mut self) -> Option<Lineages> {
        let mut lineages = Lineages::new(self.count()?);
        for _ in 0..self.count()? {
            lineages.opened(self.array().map(u64::from_le_bytes)?, self.count()?);
        }
        Some(lineages)
    }

    fn range(&mut self) -> Option<Range> {
        let first = self.key()?;
        let last = self.array().map(u64::from_le_bytes)?;
        (first.sequence <= last).then_some(Range { first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::samples::{coordinator, decision, lineages};

    #[test]
    fn what_was_written_is_read() {
        let written = Snapshot {
            coordinator: coordinator(),
            lineages: lineages(),
            horizon: Key { epoch: 1, sequence: 9 },
            finished: vec![
                Key { epoch: 2, sequence: 1 },
                Key { epoch: u64::MAX, sequence: u64::MAX },
            ],
            settled: vec![Range { first: Key { epoch: 1, sequence: 2 }, last: 7 }],
            unfinished: vec![decision(2, 3), decision(2, 4)],
        };
        assert_eq!(read_snapshot(&snapshot(&written)), Ok(written));

        let forgotten = Key { epoch: 2, sequence: 4 };
        let payload = batch([&*decision(2, 5)].into_iter(), [forgotten].into_iter());
        let read = read_batch(&payload, &coordinator(), &lineages()).unwrap();
        assert_eq!(read, [Record::Commit(decision(2, 5)), Record::Forget(forgotten)]);
    }

    #[test]
    fn nothing_shorter_or_longer_is_read() {
        let payload = batch([&*decision(2, 5)].into_iter(), std::iter::empty());
        for cut in 2..payload.len() {
            assert_eq!(
                read_batch(&payload[..cut], &coordinator(), &lineages()),
                Err(Malformed::Content),
                "cut at {cut}"
            );
        }
        let snapshot = snapshot(&Snapshot {
            coordinator: coordinator(),
            lineages: lineages(),
            horizon: Key::default(),
            finished: vec![],
            settled: vec![],
            unfinished: vec![decision(1, 1)],
        });
        for cut in 0..snapshot.len() {
            assert_eq!(read_snapshot(&snapshot[..cut]), Err(Malformed::Content), "cut at {cut}");
        }
        assert_eq!(read_snapshot(&[snapshot, vec![0]].concat()), Err(Malformed::Content));
    }

    #[test]
    fn a_newer_format_is_told_apart_from_damage() {
        let mut payload = snapshot(&Snapshot {
            coordinator: coordinator(),
            lineages: lineages(),
            horizon: Key::default(),
            finished: vec![],
            settled: vec![],
            unfinished: vec![],
        });
        payload[9] = 3;
        assert_eq!(read_snapshot(&payload), Err(Malformed::Version(3)));
    }
}
