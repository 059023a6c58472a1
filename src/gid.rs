//! Names of transactions: the global transaction id and its branches.
//!
//! A gid is `indoubt:COORDINATOR:LINEAGE:EPOCH:SEQUENCE`, and a branch of it appends
//! `:BRANCH`. It is the only thing a participant stores of a transaction, so it
//! must say by itself whose it is, and it must never be reused: the epoch is new
//! at every opening of the decision log and the sequence counts up within it.
//! A name alone does not say whose it is, for two processes can be given the same
//! one; so the lineage says which log, and which opening of it, the transaction is of.
//! Parsing is strict, because a gid read loosely is a stranger's branch touched.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::protocol::BranchId;

/// The longest gid that every participant accepts, in bytes: `PREPARE TRANSACTION`
/// takes a string "less than 200 bytes long" (PostgreSQL manual, that command).
pub const MAX_GID_BYTES: usize = 199;

const PREFIX: &str = "indoubt";

/// The longest coordinator id, in bytes, with which no gid can pass [`MAX_GID_BYTES`]:
/// what is left beside the prefix, the lineage's 16 digits, two 20-digit numbers, a 3-digit
/// branch and five colons.
pub const MAX_COORDINATOR_ID_BYTES: usize = MAX_GID_BYTES - PREFIX.len() - 16 - 2 * 20 - 3 - 5;

/// Who owns a transaction: the name of one decision log and of the coordinators that
/// open it, one after the other.
///
/// It is chosen by the user, once, and must be unique among all coordinators that
/// share a participant. Letters, digits, `-`, `_` and `.` are allowed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoordinatorId(Arc<str>);

impl CoordinatorId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What every gid of this coordinator starts with, the closing colon included, whichever
    /// log it is of. Participants list their in-doubt branches by it.
    pub fn gid_prefix(&self) -> String {
        format!("{PREFIX}:{self}:")
    }
}

impl FromStr for CoordinatorId {
    type Err = InvalidCoordinatorId;

    fn from_str(text: &str) -> Result<Self, InvalidCoordinatorId> {
        if text.is_empty() {
            return Err(InvalidCoordinatorId::Empty);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if let Some(at) = text.bytes().position(|byte| !allowed(byte))
            && let Some(character) = text[at..].chars().next()
        {
            return Err(InvalidCoordinatorId::Character { id: text.to_owned(), character });
        }
        if text.len() > MAX_COORDINATOR_ID_BYTES {
            return Err(InvalidCoordinatorId::TooLong { bytes: text.len() });
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for CoordinatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CoordinatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that cannot name a coordinator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCoordinatorId {
    /// The text is empty.
    #[error(
        "the coordinator id is empty: choose a name that is unique among the coordinators of your databases"
    )]
    Empty,
    /// A character that a gid cannot carry.
    #[error(
        "the coordinator id {id:?} contains {character:?}: use only ASCII letters, digits, '-', '_' and '.'"
    )]
    Character {
        /// The rejected id.
        id: String,
        /// Its first character that is not allowed.
        character: char,
    },
    /// With this id a gid could pass [`MAX_GID_BYTES`].
    #[error(
        "the coordinator id is {bytes} bytes long, and a gid made with it would pass the {MAX_GID_BYTES} bytes \
         that databases accept: use at most {MAX_COORDINATOR_ID_BYTES}"
    )]
    TooLong {
        /// The rejected id's length.
        bytes: usize,
    },
}

/// Which decision log a transaction is of, and which opening of it: 16 hexadecimal digits.
///
/// The first half is drawn when a log is created, the second at each opening. So a second log
/// under the same coordinator id has another lineage, and so have the openings of a log that was
/// restored from a copy and those that the copy never saw. Whether a gid is one's own is asked
/// of [`DecisionLog::origin`](crate::DecisionLog::origin), never of its coordinator's id alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lineage {
    /// Of the log: the same in all its openings.
    pub log: u32,
    /// Of one opening of it.
    pub opening: u32,
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}{:08x}", self.log, self.opening)
    }
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The global id of one transaction.
///
/// Ordered by coordinator, then epoch, then sequence, which is the order of beginning
/// among the transactions of one log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gid {
    /// The coordinator that owns it.
    pub coordinator: CoordinatorId,
    /// The opening of the decision log under which the transaction began; from 1.
    pub epoch: u64,
    /// The transaction's number within the epoch; from 1.
    pub sequence: u64,
    /// The log, and the opening of it, under which the transaction began.
    pub lineage: Lineage,
}

impl Gid {
    /// The gid of one of the transaction's branches.
    pub fn branch(&self, branch: BranchId) -> BranchGid {
        BranchGid { gid: self.clone(), branch }
    }
}

impl fmt::Display for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { coordinator, epoch, sequence, lineage } = self;
        write!(f, "{PREFIX}:{coordinator}:{lineage}:{epoch}:{sequence}")
    }
}

impl fmt::Debug for Gid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Gid {
    type Err = InvalidGid;

    fn from_str(text: &str) -> Result<Self, InvalidGid> {
        let mut fields = Fields(Some(text));
        let gid = parse_gid(&mut fields).ok_or_else(|| InvalidGid::new(text))?;
        if fields.next().is_some() { Err(InvalidGid::new(text)) } else { Ok(gid) }
    }
}

/// The id of a transaction's branch at one participant: what `PREPARE TRANSACTION` is given.
///
/// The branch number keeps the ids of one transaction apart even when two participants are
/// databases of one Postgres cluster, where gids are cluster-wide.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchGid {
    /// The transaction.
    pub gid: Gid,
    /// Which of its branches.
    pub branch: BranchId,
}

impl fmt::Display for BranchGid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.gid, self.branch.index())
    }
}

impl fmt::Debug for BranchGid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BranchGid {
    type Err = InvalidGid;

    fn from_str(text: &str) -> Result<Self, InvalidGid> {
        let mut fields = Fields(Some(text));
        let parsed = parse_gid(&mut fields).and_then(|gid| {
            let index = u8::try_from(parse_number(fields.next()?)?).ok()?;
            Some(BranchGid { gid, branch: BranchId::new(index)? })
        });
        match parsed {
            Some(branch) if fields.next().is_none() => Ok(branch),
            _ => Err(InvalidGid::new(text)),
        }
    }
}

/// A text that is not a gid of this project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a gid: expected {PREFIX}:COORDINATOR:LINEAGE:EPOCH:SEQUENCE, and :BRANCH for a branch"
)]
pub struct InvalidGid {
    text: String,
}

impl InvalidGid {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }
}

fn parse_gid(fields: &mut Fields<'_>) -> Option<Gid> {
    if fields.next()? != PREFIX {
        return None;
    }
    let coordinator = fields.next()?.parse().ok()?;
    let lineage = parse_lineage(fields.next()?)?;
    let epoch = parse_number(fields.next()?)?;
    let sequence = parse_number(fields.next()?)?;
    Some(Gid { coordinator, epoch, sequence, lineage })
}

/// What stands between the colons. As `split(':')`, but for its searcher, which costs more than all
/// the rest of reading a gid; a scan reads every gid that a participant has.
struct Fields<'a>(Option<&'a str>);

impl<'a> Iterator for Fields<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.0?;
        let (field, rest) = match rest.bytes().position(|byte| byte == b':') {
            Some(colon) => (&rest[..colon], Some(&rest[colon + 1..])),
            None => (rest, None),
        };
        self.0 = rest;
        Some(field)
    }
}

/// Only the digits that `Display` writes: sixteen, and lower case.
fn parse_lineage(text: &str) -> Option<Lineage> {
    let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let (log, opening) = text.split_at_checked(8).filter(|_| digits && text.len() == 16)?;
    let half = |text| u32::from_str_radix(text, 16).ok();
    Some(Lineage { log: half(log)?, opening: half(opening)? })
}

/// Only the digits that `Display` writes: no sign, no leading zero.
fn parse_number(text: &str) -> Option<u64> {
    let canonical =
        text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::MAX_BRANCHES;

    #[test]
    fn the_longest_gid_fits() {
        let coordinator: CoordinatorId = "c".repeat(MAX_COORDINATOR_ID_BYTES).parse().unwrap();
        let lineage = Lineage { log: u32::MAX, opening: u32::MAX };
        let gid = Gid { coordinator, epoch: u64::MAX, sequence: u64::MAX, lineage };
        // Branches have two digits today; the limit leaves room for three.
        let last = BranchId::new(u8::try_from(MAX_BRANCHES - 1).unwrap()).unwrap();
        assert_eq!(gid.branch(last).to_string().len(), MAX_GID_BYTES - 1);
        assert!(matches!(
            "c".repeat(MAX_COORDINATOR_ID_BYTES + 1).parse::<CoordinatorId>(),
            Err(InvalidCoordinatorId::TooLong { .. })
        ));
    }

    #[test]
    fn only_what_display_writes_parses() {
        let text = "indoubt:shop:0000002a9f3ac2d1:3:17:1";
        assert_eq!(text.parse::<BranchGid>().unwrap().to_string(), text);
        assert_eq!("indoubt:shop:0000002a9f3ac2d1:3:17".parse::<Gid>().unwrap().sequence, 17);
        for bad in [
            "",
            "indoubt",
            "indoubt:shop:3:17:1",
            "indoubt:shop:2a9f3ac2d1:3:17:1",
            "indoubt:shop:0000002A9f3ac2d1:3:17:1",
            "indoubt:shop:+000002a9f3ac2d1:3:17:1",
            "indoubt:shop:0000002a9f3ac2d1:3:17:1:0",
            "indoubt:shop:0000002a9f3ac2d1:3:017:1",
            "indoubt:shop:0000002a9f3ac2d1:+3:17:1",
            "indoubt:sh op:0000002a9f3ac2d1:3:17:1",
            "INDOUBT:shop:0000002a9f3ac2d1:3:17:1",
            "indoubt::0000002a9f3ac2d1:3:17:1",
            "indoubt:shop:0000002a9f3ac2d1:3:17:64",
            "indoubt:shop:0000002a9f3ac2d1:3:17:1 ",
            "indoubt:shop:0000002a9f3ac2d1:3:18446744073709551616:1",
        ] {
            assert!(bad.parse::<BranchGid>().is_err(), "{bad:?} parsed");
        }
    }
}
