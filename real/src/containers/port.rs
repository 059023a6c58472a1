//! A port that a server keeps while it is down.
//!
//! A port the kernel hands out comes from the range it also uses for outgoing connections,
//! so one of those could take it between a kill and the restart. Ports are therefore drawn
//! from below that range, and starting tries again when one is lost to another process.

use std::net::{Ipv4Addr, TcpListener};

use super::base::{StartError, secret};

/// How often starting tries another port before it gives up.
pub(super) const ATTEMPTS: u32 = 8;

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A port of 127.0.0.1 that is free at this moment.
pub(super) fn free() -> Result<u16, StartError> {
    for _ in 0..100 {
        let offset = secret::number() % u64::from(COUNT);
        let port = FIRST + u16::try_from(offset).expect("an offset below COUNT is a u16");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(StartError::PortTaken { port: FIRST })
}

/// Whether this text of a failed start says that the port was taken.
pub(super) fn was_taken(text: &str) -> bool {
    ["port is already allocated", "ddress already in use"].iter().any(|sign| text.contains(sign))
}
