//! Byte streams between the nodes of a run, as TCP gives them, on the same ways as the datagrams.
//!
//! A connection is what real TCP is and a simulated one seldom: no detector of failures. What happens
//! to it is decided by what reaches which machine:
//! - A cut stalls what is sent, in order, and nothing is lost: it is sent again after the heal.
//!   Loss, duplication and reordering of the link show as delay, or not at all.
//! - Connecting takes a handshake. Across a cut, or to a machine without power, it hangs until that
//!   ends; a machine without a listening process refuses.
//! - A machine that loses power tells nobody. The other end learns it by a reset, when something it
//!   has sent reaches that machine after its next start; if it only reads, never.
//! - A process that ends has its machine close its streams.
//!
//! What is random comes from a random stream for each directed link, apart from the datagrams', and
//! every segment takes the same number of draws. Neither draws, latencies nor the trace depend on what
//! the bytes are or how many, as long as no writer has to wait for room: a segment is a write.
//!
//! Deliberately absent: keep-alive and the user timeout, so a vanished peer holds up a reader for
//! ever; urgent data; a bound on connections that wait to be accepted; Nagle's algorithm and any
//! bandwidth; window updates that are segments of their own.
//!
//! From below: `segment` and `pipe` are one direction, `connection` both, `streams` all; `transfer` is
//! what a process asks for, `arrival` what reaches a machine, `outage` what befalls both.

mod aim;
mod arrival;
mod byte_stream;
mod connection;
mod options;
mod outage;
mod pipe;
mod segment;
mod step;
mod streams;
mod transfer;

pub use aim::{Course, Meant, Stage, StreamAim, StreamDeed};
pub use byte_stream::ByteStream;
pub use options::StreamOptions;

pub(super) use step::{Carrier, Later, Passing, Step, StreamEvent};
pub(super) use streams::Streams;
