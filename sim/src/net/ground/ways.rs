//! The ways between all nodes, whatever travels on them: datagrams or streams.
//!
//! Deliberately absent: the nodes themselves, whose lives are kept where their inboxes are.

use super::NodeId;
use super::link::{Fate, Link, LinkOptions};
use crate::draw::Draw;

/// Keeps the links' streams apart from all others of the same seed.
const LINK_STREAMS: u64 = 0x6e65_7400_0000_0000;

/// All directed links, and how slow the nodes are.
pub(in crate::net) struct Ways {
    /// Row by sender, column by receiver. A node's link to itself is never asked.
    links: Vec<Link>,
    /// What the latency of what is sent to a node is multiplied by.
    drags: Vec<u32>,
}

impl Ways {
    pub(in crate::net) fn new(seed: u64, nodes: u8, options: LinkOptions) -> Self {
        let pairs = (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to)));
        let link = |(from, to)| {
            // Named by its ends, not numbered: a node more leaves the others' streams alone.
            let ends = u64::from(u16::from_be_bytes([from, to]));
            Link::new(options, Draw::new(seed, LINK_STREAMS | ends))
        };
        Self { links: pairs.map(link).collect(), drags: vec![1; nodes.into()] }
    }

    pub(in crate::net) fn set_link(&mut self, from: NodeId, to: NodeId, options: LinkOptions) {
        self.link_mut(from, to).options = options;
    }

    pub(in crate::net) fn set_all(&mut self, options: LinkOptions) {
        for link in &mut self.links {
            link.options = options;
        }
    }

    pub(in crate::net) fn set_cut(&mut self, from: NodeId, to: NodeId, cut: bool) {
        self.link_mut(from, to).cut = cut;
    }

    /// Whether nothing passes in this direction. A node is never cut from itself.
    pub(in crate::net) fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        from != to && self.link(from, to).cut
    }

    pub(in crate::net) fn drag(&mut self, from: Option<NodeId>, to: NodeId, factor: u32) {
        let drag = match from {
            Some(from) => &mut self.link_mut(from, to).drag,
            None => &mut self.drags[to.index()],
        };
        *drag = factor;
    }

    /// Ends all dragging. Cuts are ended one by one.
    pub(in crate::net) fn speed_up(&mut self) {
        for link in &mut self.links {
            link.drag = 1;
        }
        self.drags.fill(1);
    }

    /// Decides about the next packet on this link.
    pub(in crate::net) fn next_fate(&mut self, from: NodeId, to: NodeId) -> Fate {
        let drag = self.drags[to.index()];
        self.link_mut(from, to).next_fate(drag)
    }

    /// How many times as long everything takes in this direction.
    pub(in crate::net) fn drag_of(&self, from: NodeId, to: NodeId) -> u32 {
        self.drags[to.index()].max(self.link(from, to).drag)
    }

    pub(in crate::net) fn link(&self, from: NodeId, to: NodeId) -> &Link {
        &self.links[self.slot(from, to)]
    }

    fn link_mut(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        let slot = self.slot(from, to);
        &mut self.links[slot]
    }

    fn slot(&self, from: NodeId, to: NodeId) -> usize {
        let nodes = self.drags.len();
        assert!(to.index() < nodes, "{to:?} is not part of the network");
        from.index() * nodes + to.index()
    }
}
