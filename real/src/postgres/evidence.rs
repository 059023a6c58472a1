//! What is known of a branch to its server: which transaction it was, and in which backend.
//!
//! A gid names only what is prepared at the moment: an unknown one (42704) may have been
//! committed, rolled back by an operator, lost in a failover, or not arrived yet. The xid
//! outlives it, so the xid is what a yes leaves as its receipt. Plain data; it is asked by `sql`,
//! and a server is asked about it by `xact`.

use indoubt::Receipt;
use tokio_postgres::SimpleQueryRow;

/// A transaction, in the one history in which its xid means it.
///
/// Another cluster numbers from the start, and a promoted standby may give the xids that it
/// never saw to strangers, so both the cluster and the timeline have to be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Xact {
    /// With its epoch, so that it never wraps (type `xid8`).
    pub(super) xid: u64,
    /// The cluster's system identifier.
    pub(super) system: u64,
    /// The cluster's timeline, which every promotion and point-in-time recovery counts up.
    pub(super) timeline: u32,
    /// Until the disk is known to have the xid: since when the server has not crashed. A crash forgets an
    /// xid of which nothing was flushed, and the next transaction is given it. What is prepared is
    /// flushed, so there is none in a receipt.
    pub(super) era: Option<String>,
}

/// The server process that has a branch's transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) pid: i32,
    /// When it started, in seconds since the Unix epoch as the server writes them; tells it
    /// from a later process of the same id.
    pub(super) start: String,
}

impl Backend {
    /// Reads a process id and a start from two columns of a row; nothing if the role may not see
    /// them.
    pub(super) fn read(row: &SimpleQueryRow, column: usize) -> Option<Self> {
        let start = row.get(column + 1)?;
        // It goes back into a statement.
        let is_number = start.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let pid = row.get(column)?.parse().ok()?;
        is_number.then(|| Self { pid, start: start.to_owned() })
    }
}

/// What is known of a branch that wrote, from the moment it is asked to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Evidence {
    pub(super) xact: Xact,
    /// Unknown where a role is set that may not look at the session's own.
    pub(super) backend: Option<Backend>,
}

/// How a transaction stands, as `pg_xact_status` says (PostgreSQL manual, "Transaction ID and
/// Snapshot Information Functions").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum XactStatus {
    /// Running, or prepared.
    InProgress,
    Committed,
    /// Rolled back, or running when the server crashed.
    Aborted,
    /// The server does not remember, or has another history.
    Untold,
}

impl Xact {
    /// The same, of which the disk is known to have something.
    pub(super) fn flushed(&self) -> Self {
        Self { era: None, ..self.clone() }
    }

    /// What a yes carries. Text, so that an operator can read it in the log.
    pub(super) fn receipt(&self) -> Receipt {
        let text = format!("{}/{}/{:08X}", self.xid, self.system, self.timeline);
        Receipt::new(text).expect("two 20-digit numbers and eight hex digits fit a receipt")
    }

    /// The transaction that a receipt of ours speaks of; nothing for any other content, in
    /// which case there is no evidence of how the branch ended.
    pub(super) fn of(receipt: &Receipt) -> Option<Self> {
        let mut parts = std::str::from_utf8(receipt.as_bytes()).ok()?.split('/');
        let xact = Self {
            xid: parts.next()?.parse().ok()?,
            system: parts.next()?.parse().ok()?,
            timeline: u32::from_str_radix(parts.next()?, 16).ok()?,
            era: None,
        };
        (xact.receipt() == *receipt).then_some(xact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_reads_back_and_nothing_else_does() {
        let (xid, system) = (754, 7_711_240_258_295_606_115);
        let xact = Xact { xid, system, timeline: 0x1A, era: None };
        assert_eq!(xact.receipt().as_bytes(), b"754/7711240258295606115/0000001A");
        assert_eq!(Xact::of(&xact.receipt()), Some(xact));
        for foreign in
            ["", "754", "754/7/1", "+754/7/00000001", "754/7/0000000a", "754/7/00000001/"]
        {
            assert_eq!(Xact::of(&Receipt::new(foreign).unwrap()), None, "{foreign:?}");
        }
    }
}
