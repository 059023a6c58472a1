//! Faults of single segments: the n-th in a direction, before its receiver has it or after.
//!
//! A message of a protocol that writes each in one go rides in one segment, so these are the faults
//! of single messages that a proxy between the two could cause. Which segments count is asked of the
//! bytes, for only the protocol on the stream knows its messages. What the network itself sends (to
//! open and close connections) is not aimed at.

use std::sync::Arc;
use std::time::Duration;

use crate::net::ground::NodeId;

/// When an aim strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// When the segment is about to reach its receiver, who then has none of it.
    Before,
    /// As soon as the receiver has read all of it, and before it can answer.
    After,
}

/// Which directions a cut takes, seen from the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Course {
    /// The one that it travels in.
    There,
    /// The opposite one: what is answered does not come back.
    Back,
    /// Both.
    Both,
}

/// What becomes of a connection at a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamDeed {
    /// Its nodes are cut off from each other, for everything and until healed.
    Cut(Course),
    /// Both ends are reset.
    Reset,
    /// The segment comes this much later, and what is behind it no earlier; at the later stage it is
    /// only what is behind it.
    Stall(Duration),
    /// From here on nothing arrives in this direction of this connection any more, and its writer
    /// learns nothing of it: it can write until its buffers are full. No healing ends that.
    Swallow,
    /// The receiver reads the end of the stream, and its peer's writing is swallowed from here on. The
    /// other direction goes on.
    HalfClose,
}

/// Whether a segment of these bytes is meant.
pub type Meant = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Which segment, counted from when this is given to the network, and what becomes of it.
#[derive(Clone)]
pub struct StreamAim {
    /// Its sender, or whoever.
    pub from: Option<NodeId>,
    /// Its receiver, or whoever.
    pub to: Option<NodeId>,
    /// Whether a segment of these bytes counts. Called with the network locked, so it may look and do
    /// nothing else.
    pub meant: Meant,
    /// The how many-th in the order of their writes, from 1.
    pub nth: u32,
    /// When it strikes.
    pub stage: Stage,
    /// What becomes of the connection.
    pub deed: StreamDeed,
}

/// A blow that a segment carries with it.
pub(super) type Strike = (Stage, StreamDeed);

/// The aims that have not struck yet.
#[derive(Default)]
pub(super) struct StreamAims(Vec<StreamAim>);

impl StreamAims {
    pub(super) fn add(&mut self, aim: StreamAim) {
        self.0.push(aim);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What a segment that is sent now is struck with. Of two aims the earlier one strikes.
    pub(super) fn strike(&mut self, from: NodeId, to: NodeId, bytes: &[u8]) -> Option<Strike> {
        let mut struck = None;
        self.0.retain_mut(|aim| {
            let meant = aim.from.is_none_or(|meant| meant == from)
                && aim.to.is_none_or(|meant| meant == to)
                && (aim.meant)(bytes);
            if !meant {
                return true;
            }
            aim.nth = aim.nth.saturating_sub(1);
            let strikes = aim.nth == 0;
            if strikes {
                struck = struck.or(Some((aim.stage, aim.deed)));
            }
            !strikes
        });
        struck
    }
}
