//! The faults of a schedule.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::when::{Cue, When};
use crate::history::{Place, Word};

/// One fault of the schedule.
///
/// In TOML it begins at `at_ms = 120`, or at an event: `on = { event = "force", nth = 3 }` with
/// `after_us = 500` if it is to come somewhat later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When it begins.
    pub when: When,
    /// How long it lasts, in milliseconds; at the end of all faults it ends in any case.
    pub for_ms: u64,
    /// What it is.
    pub kind: FaultKind,
}

/// A fault, as it is written.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<Cue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_us: Option<u64>,
    for_ms: u64,
    #[serde(flatten)]
    kind: &'a FaultKind,
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (at_ms, on, after_us) = match self.when {
            When::At(ms) => (Some(ms), None, None),
            When::On(cue, 0) => (None, Some(cue), None),
            When::On(cue, us) => (None, Some(cue), Some(us)),
        };
        Written { at_ms, on, after_us, for_ms: self.for_ms, kind: &self.kind }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = toml::Table::deserialize(deserializer)?;
        let when = match (fields.remove("at_ms"), fields.remove("on"), fields.remove("after_us")) {
            (Some(at), None, None) => When::At(read("at_ms", at)?),
            (None, Some(on), None) => When::On(read("on", on)?, 0),
            (None, Some(on), Some(after)) => When::On(read("on", on)?, read("after_us", after)?),
            (None, None, _) => {
                return Err(Error::custom(
                    "a fault begins `at_ms = ...`, or `on = { event = ..., nth = ... }`",
                ));
            }
            (Some(_), ..) => {
                return Err(Error::custom("`at_ms` excludes `on` and `after_us`: choose one"));
            }
        };
        let for_ms = fields.remove("for_ms").ok_or_else(|| Error::missing_field("for_ms"))?;
        let kind = toml::Value::Table(fields).try_into().map_err(Error::custom)?;
        Ok(Self { when, for_ms: read("for_ms", for_ms)?, kind })
    }
}

fn read<T: serde::de::DeserializeOwned, E: Error>(name: &str, value: toml::Value) -> Result<T, E> {
    value.try_into().map_err(|error| E::custom(format!("{name}: {error}")))
}

/// The kinds of fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The place loses power: memory is gone, unsynced writes are lost or torn.
    Crash {
        /// Which place.
        place: Place,
    },
    /// The place's process is killed while its machine lives: memory and connections are gone, and
    /// what was handed to the operating system stays as it is, synced or not.
    Kill {
        /// Which place.
        place: Place,
    },
    /// The place's process stops, and then goes on as if nothing had been.
    Pause {
        /// Which place.
        place: Place,
    },
    /// The place is slow: what is sent to it arrives, and calls of its disk return, so many times as
    /// late.
    Slow {
        /// Which place.
        place: Place,
        /// How many times.
        factor: u32,
    },
    /// The clock of the place's machine jumps ahead: what is waited for by it comes so much earlier.
    ClockJump {
        /// Which place.
        place: Place,
        /// How far, in milliseconds.
        by_ms: u64,
    },
    /// Packets from one place to the other take so many times as long.
    SlowLink {
        /// The sender.
        from: Place,
        /// The receiver.
        to: Place,
        /// How many times.
        factor: u32,
    },
    /// These places are cut off from all others, and not from each other.
    Isolate {
        /// Which places.
        places: Vec<Place>,
    },
    /// Two places are cut off from each other and reach each other by turns, first the one.
    Flap {
        /// One place.
        a: Place,
        /// The other.
        b: Place,
        /// How long they are cut off, in milliseconds.
        down_ms: u64,
        /// How long they are not.
        up_ms: u64,
    },
    /// Packets from one place to the other vanish; the other way they pass.
    CutOneWay {
        /// The sender.
        from: Place,
        /// The receiver.
        to: Place,
    },
    /// Packets between two places vanish in both directions.
    Cut {
        /// One place.
        a: Place,
        /// The other.
        b: Place,
    },
    /// Some writes, syncs and reads of the place's disk fail.
    Disk {
        /// Which place.
        place: Place,
        /// How many of 1000 syncs fail, with what they should have made durable lost.
        sync_permille: u16,
        /// How many of 1000 appends fail halfway.
        short_permille: u16,
        /// How many of 1000 reads fail.
        read_permille: u16,
    },
    /// Some reads of the place's disk return a file with one bit flipped; the medium is sound. A log
    /// that is read so has to refuse, wherever the bit is: what was cut short misses more than a bit.
    Misread {
        /// Which place.
        place: Place,
        /// How many of 1000 reads.
        permille: u16,
    },
    /// The place's disk is full.
    DiskFull {
        /// Which place.
        place: Place,
    },
    /// The place's disk stops: no call of it returns until the fault ends. A participant in that
    /// state still lists its branches, and finishes none.
    DiskStuck {
        /// Which place.
        place: Place,
    },
    /// The lock on the decision log is broken, and another coordinator opens the log while the one
    /// that has it goes on, or stands still. If both are up, the older one is killed for it.
    Takeover,
    /// An operator ends a prepared branch by hand.
    Operator {
        /// At which participant.
        p: u8,
        /// Commits it, or rolls it back.
        commit: bool,
    },
    /// A participant has no more than so many slots for prepared branches, and votes no where none is
    /// free; one of a kind of one's own has as many as it likes.
    Slots {
        /// Which participant.
        p: u8,
        /// How many it has.
        most: u32,
    },
    /// A participant loses all evidence of how the transactions ended that have.
    Forget {
        /// Which participant.
        p: u8,
    },
    /// A participant's standby stops receiving at the beginning, and takes its place at the end: what
    /// has become durable in between is lost. A participant that is restored from an older copy of
    /// itself is the same: the copy is made at the beginning.
    Failover {
        /// Which participant.
        p: u8,
    },
    /// One message is lost, comes twice or comes late: the `nth` of its kind on the way that is
    /// named, counted from when the fault begins. Where participants are reached by byte streams, nothing
    /// is lost alone: its connection is reset before it arrives. Nothing comes twice: it arrives, and its
    /// connection is reset before it is answered. And what is late holds up what is behind it.
    Message {
        /// The kind of message.
        word: Word,
        /// The how many-th, from 1.
        nth: u32,
        /// Its sender; or whoever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Place>,
        /// Its receiver; or whoever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<Place>,
        /// What becomes of it.
        deed: MessageDeed,
        /// How much later it comes, or comes again, in milliseconds; of one that is lost, 0.
        by_ms: u64,
    },
    /// Every handle of the coordinator is dropped, with what its clients are at. Its process ends when
    /// its driver has, and another comes up.
    LetGo,
    /// The coordinator's driver is dropped where it is, and its handles go on; at the end its process
    /// is ended, and another comes up.
    Undriven,
    /// Another process runs under the coordinator's id, over a directory of its own, and sweeps.
    Rival,
    /// An operator ends every session of a database's server, whatever it is at (Postgres: 57P01).
    EndSessions {
        /// Which participant.
        p: u8,
    },
    /// One session's process crashes. The server ends all others and recovers from its log; meanwhile it
    /// refuses everybody (Postgres: 57P02, then 57P03).
    SessionCrash {
        /// Which participant.
        p: u8,
    },
}

/// What becomes of a message that a fault is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageDeed {
    /// It is lost.
    Lose,
    /// It comes a second time.
    Again,
    /// It comes late, and others overtake it.
    Late,
}
