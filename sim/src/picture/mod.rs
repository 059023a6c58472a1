//! A run as a picture: what a history says, laid out for the eye.
//!
//! [`Picture::of`] makes plain data of a history: lanes, marks, messages, bars, and where each broken
//! invariant broke. The others draw it: [`columns`] as text, [`page`] as one page for a browser,
//! [`mermaid`] and [`perfetto`] for tools that draw for themselves.
//!
//! It reads a history, the text of its scenario and the verdict, and nothing of how a run is made.

mod answers;
mod bars;
pub mod columns;
mod lane;
mod look;
pub mod mermaid;
mod messages;
mod model;
mod moment;
mod only;
pub mod page;
mod parts;
pub mod perfetto;

pub use lane::Lane;
pub use model::Picture;
pub use parts::{Arrow, Bar, BarKind, End, Mark, MarkKind, Message, Verdict, tx_name};
