//! What the coordinator's process and the one that kills it say to each other: a JSON line each.
//!
//! The coordinator is told what to do on its standard input, and tells on its standard output what has
//! happened, at once. What was said before a SIGKILL has been said: a line is handed to the kernel in full
//! before anything that follows from it can be done. One that was cut off in the middle belongs to
//! something that nobody has seen.

use std::path::PathBuf;

use indoubt_sim::history::{Entry, Tx};
use indoubt_sim::scenario::Scenario;
use serde::{Deserialize, Serialize};

use crate::time::Beginning;

/// The first line that a coordinator is told: all that it needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    /// Where its decisions are.
    pub directory: PathBuf,
    /// How each participant is reached, in order.
    pub databases: Vec<String>,
    /// What the clients do, how many there are, and the deadlines. Its faults are not looked at.
    pub scenario: Scenario,
    /// When the run began.
    pub beginning: Beginning,
}

/// What a coordinator is told to do. It answers each with one [`Said`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// To carry out the transaction of this number: [`Said::Did`], when its client has its answer.
    Transact(u32),
    /// To let its clients work, beginning with this number: [`Said::Did`] at once.
    Work(u32),
    /// To let its clients end what they are at, and begin nothing more: [`Said::Did`] when they have.
    Rest,
    /// To sweep until a sweep has reached everything: [`Said::Settled`].
    Settle,
    /// To say what became of these: [`Said::Did`], when it has told of all of them.
    Ask(Vec<String>),
}

/// What a coordinator says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Something that happened.
    Happened(Entry),
    /// How a transaction is called in full, before it can commit.
    Called(Tx, String),
    /// It is up.
    Up,
    /// It did what it was told.
    Did,
    /// It has swept.
    Settled {
        /// The last sweep reached everything.
        complete: bool,
        /// What its log still owes; `None` if the log cannot say.
        owed: Option<Vec<Tx>>,
    },
}
