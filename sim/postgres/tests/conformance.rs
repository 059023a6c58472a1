//! The simulated server against real ones: one body of tests, and two arms that it runs at.
//!
//! `transcripts` are scripts with the answers that PostgreSQL 15 gave; both arms have to give
//! them. `sequences` draws what several sessions do, does it at both, and compares all that
//! can be seen. A difference is a fault of the simulated server. Deliberately absent: what
//! depends on which of two processes a scheduler favours.

mod host;

#[path = "conformance/arm.rs"]
mod arm;
#[path = "conformance/cases.rs"]
mod cases;
#[path = "conformance/client.rs"]
mod client;
#[path = "conformance/real.rs"]
mod real;
#[path = "conformance/run.rs"]
mod run;
#[path = "conformance/script.rs"]
mod script;
#[path = "conformance/sequence.rs"]
mod sequence;
#[path = "conformance/sequences.rs"]
mod sequences;
#[path = "conformance/simulated.rs"]
mod simulated;
#[path = "conformance/stage.rs"]
mod stage;
#[path = "conformance/told.rs"]
mod told;
#[path = "conformance/transcripts.rs"]
mod transcripts;
