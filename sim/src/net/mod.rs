//! The simulated network: datagrams and byte streams between the nodes of one run, with faults.
//!
//! It runs on madsim's executor and clock but not on madsim's network, which never duplicates,
//! notices every death at once and costs most of a run's time. What a protocol must survive is
//! decided here instead: latency, loss, duplication, reordering, slow packets, cuts of one
//! direction, and nodes that die with messages on the way to them. Byte streams take the same ways and
//! suffer the same faults, each in its manner; what they promise is told in `stream`.
//!
//! Promises of the datagrams that the rest of the harness builds on:
//! - Each directed link has a random stream of its own, and a packet takes the same number of
//!   draws from it whatever happens. Changing one fault on one link changes nothing else, which
//!   is what makes shrinking a schedule work.
//! - A run without streams is the same as if there were none; and where there are some, the datagrams'
//!   draws stay what they were.
//! - Deliveries due at the same time happen in the order of their sends.
//! - A packet that is under way belongs to the wire: it arrives although its sender has died,
//!   and is dropped if its direction is cut, or its receiver has died, when it is due.
//!
//! Deliberately absent from them: errors on sending, acknowledgements and any sign of a peer's death (a
//! datagram network has none), bandwidth, and the size of messages.

mod aim;
mod endpoint;
mod ground;
mod queue;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

pub use aim::{Aim, Deed, Spoken};
pub use endpoint::Endpoint;
pub use ground::{LinkOptions, NetStats, NodeId, StreamStats};
pub use stream::{ByteStream, Course, Meant, Stage, StreamAim, StreamDeed, StreamOptions};

use crate::sentry::Sentry;
use state::NetState;
use stream::Streams;
use wire::Wire;

/// A handle to the network of one run; clones share it.
///
/// Messages are plain data: they are cloned for duplication, and dropped where no timer may be
/// armed and the network may not be called.
///
/// All methods panic on a node that is not part of the network.
#[derive(Debug)]
pub struct Network<M> {
    wire: Wire<M>,
}

impl<M: Clone + Spoken + Send + 'static> Network<M> {
    /// A network of `nodes` nodes, none of them bound, with every link as in `link`.
    ///
    /// # Panics
    /// Outside a madsim runtime.
    pub fn new(seed: u64, nodes: u8, link: LinkOptions) -> Self {
        Self { wire: Wire::new(NetState::new(seed, nodes, link)) }
    }

    /// The same network, which tells this sentry of every message that is sent or received, and of
    /// what is written to a stream or read from one. Before anything is bound.
    pub fn told(self, sentry: Sentry) -> Self {
        Self { wire: self.wire.told(sentry) }
    }

    /// Aims at a message that is still to be sent, or written to a stream.
    pub fn aim(&self, aim: Aim) {
        self.wire.state().aim(aim);
        self.aim_stream(aim.at_stream::<M>());
    }

    /// Aims at a segment that is still to be written to a stream.
    pub fn aim_stream(&self, aim: StreamAim) {
        self.wire.step(|streams, _| streams.aim(aim));
    }

    /// How all streams are configured. Before any is opened.
    pub fn configure_streams(&self, options: StreamOptions) {
        self.wire.step(|streams, _| streams.configure(options));
    }

    /// Brings a node up: what arrives for it from now on is received by this endpoint.
    ///
    /// # Panics
    /// If the node is up already. A crashed one must be [killed](Self::kill) first.
    pub fn bind(&self, node: NodeId) -> Endpoint<M> {
        let incarnation = self.wire.state().bind(node);
        self.wire.step(|streams, step| streams.begin(node, step));
        Endpoint::new(self.wire.clone(), node, incarnation)
    }

    /// Crashes a node, as far as the network can tell: its machine loses power.
    ///
    /// Its inbox is lost, messages on the way to it vanish, and its endpoint is dead from now
    /// on. What it has sent still arrives. Call this *before* killing the madsim node, whose
    /// tasks are dropped only when they are next scheduled, and so go on for a while.
    ///
    /// The peers of its streams are told nothing. Until the node is bound again, what is sent to it on
    /// a stream waits, and so does who connects to it.
    pub fn kill(&self, node: NodeId) {
        let remains = self.wire.state().kill(node);
        // Released first: what is dropped here may hold an endpoint, whose own drop locks too.
        drop(remains);
        self.wire.step(|streams, step| streams.lose_power(node, step));
    }

    /// Ends a node's process while its machine lives. For datagrams it is the same as a
    /// [kill](Self::kill); its streams are closed by the machine, as if each had been dropped, and who
    /// connects is refused. A machine without power stays without.
    pub fn end_process(&self, node: NodeId) {
        let remains = self.wire.state().kill(node);
        drop(remains);
        self.wire.step(|streams, step| streams.end_process(node, step));
    }

    /// Resets every stream between two nodes, at both ends and at once, as something between them
    /// could.
    pub fn reset_streams(&self, a: NodeId, b: NodeId) {
        self.wire.step(|streams, step| streams.reset_between(a, b, step));
    }

    /// Changes one direction from the next send on. Packets and segments under way are not affected.
    pub fn set_link(&self, from: NodeId, to: NodeId, options: LinkOptions) {
        self.wire.state().set_link(from, to, options);
    }

    /// Changes every direction from the next send on. Cuts stay as they are.
    pub fn set_all(&self, options: LinkOptions) {
        self.wire.state().set_all(options);
    }

    /// Cuts one direction: what is sent on it, or under way on it and due during the cut, is lost; or
    /// is sent again after the cut, if it is a stream's.
    ///
    /// A node is never cut from itself.
    pub fn cut(&self, from: NodeId, to: NodeId) {
        self.wire.step(|streams, step| streams.cut(from, to, step));
    }

    /// Ends the cut of one direction.
    pub fn heal(&self, from: NodeId, to: NodeId) {
        self.wire.step(|streams, step| streams.heal(from, to, step));
    }

    /// Multiplies the latency of what is sent from now on to this node: by this one, or by anybody.
    /// A factor of 1 ends it.
    pub fn drag(&self, from: Option<NodeId>, to: NodeId, factor: u32) {
        self.wire.state().drag(from, to, factor);
    }

    /// Ends all cuts and all dragging, and every aim that has not struck, even if its segment is under
    /// way. What an aim swallows, or holds up, it does further. The other faults are options: see
    /// [`set_all`](Self::set_all).
    pub fn heal_all(&self) {
        self.wire.state().clear_aims();
        self.wire.step(Streams::heal_all);
    }

    /// What has happened so far.
    pub fn stats(&self) -> NetStats {
        self.wire.state().stats()
    }

    /// What has happened so far to streams.
    pub fn stream_stats(&self) -> StreamStats {
        self.wire.state().stream_stats()
    }

    /// A hash over every send, fate and delivery so far, with their times.
    pub fn trace_hash(&self) -> u64 {
        self.wire.state().trace_hash()
    }
}

// Derived, it would ask the same of `M`.
impl<M> Clone for Network<M> {
    fn clone(&self) -> Self {
        Self { wire: self.wire.clone() }
    }
}
