//! Faults of single messages: the n-th of its kind on a link is lost, doubled or held back.
//!
//! On a stream nothing is lost alone, and nothing comes twice. There a message that is lost takes its
//! connection with it; one that would come again arrives, and its connection is reset before it can be
//! answered; and one that is late holds up what is behind it.

use std::sync::Arc;
use std::time::Duration;

use super::NodeId;
use super::stream::{Stage, StreamAim, StreamDeed};
use crate::history::Word;

/// A message that the network can tell the kind of.
pub trait Spoken {
    /// What it is.
    fn word(&self) -> Word;

    /// What bytes are that are written to a stream at once, or read from one, if the network's streams
    /// carry the same conversation.
    fn of_bytes(_bytes: &[u8]) -> Word {
        Word::Other
    }
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It is lost.
    Lose,
    /// It comes a second time, this long after the first.
    Again(Duration),
    /// It comes this much later, and others overtake it.
    Late(Duration),
}

/// Which message, counted from when this is given to the network, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aim {
    /// Its sender, or whoever.
    pub from: Option<NodeId>,
    /// Its receiver, or whoever.
    pub to: Option<NodeId>,
    /// What it is.
    pub word: Word,
    /// The how many-th, from 1.
    pub nth: u32,
    /// What becomes of it.
    pub deed: Deed,
}

impl Aim {
    /// The same at a segment of a stream.
    pub(super) fn at_stream<M: Spoken>(self) -> StreamAim {
        let Self { from, to, word, nth, deed } = self;
        let (stage, deed) = match deed {
            Deed::Lose => (Stage::Before, StreamDeed::Reset),
            Deed::Again(_) => (Stage::After, StreamDeed::Reset),
            Deed::Late(by) => (Stage::Before, StreamDeed::Stall(by)),
        };
        let meant = Arc::new(move |bytes: &[u8]| M::of_bytes(bytes) == word);
        StreamAim { from, to, meant, nth, stage, deed }
    }
}

/// The aims that have not struck yet.
#[derive(Default)]
pub(super) struct Aims(Vec<Aim>);

impl Aims {
    pub(super) fn add(&mut self, aim: Aim) {
        self.0.push(aim);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What becomes of a message that is sent now.
    pub(super) fn strike(
        &mut self,
        from: NodeId,
        to: NodeId,
        message: &impl Spoken,
    ) -> Option<Deed> {
        if self.0.is_empty() {
            return None;
        }
        let word = message.word();
        let mut struck = None;
        self.0.retain_mut(|aim| {
            let meant = aim.word == word
                && aim.from.is_none_or(|meant| meant == from)
                && aim.to.is_none_or(|meant| meant == to);
            if !meant {
                return true;
            }
            aim.nth = aim.nth.saturating_sub(1);
            let strikes = aim.nth == 0;
            if strikes {
                struck = struck.or(Some(aim.deed));
            }
            !strikes
        });
        struck
    }
}
