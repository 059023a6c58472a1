//! The address of a node.

/// A node's place in the network: `0` up to the number of nodes.
///
/// Not madsim's node: that one owns tasks and is replaced at a restart, this one is an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u8);

impl NodeId {
    pub(in crate::net) const fn index(self) -> usize {
        self.0 as usize
    }
}
