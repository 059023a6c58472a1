//! What is held of each transaction: calls that wait, requests that nobody waits for.
//!
//! Plain data. Dropping a call lets it go its ordinary way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use indoubt::{Commit, Decision, Entry, ForceError, Gid, LogError};

use super::desk::{Asked, Caller};
use crate::database::{Reply, Request, Xid};
use crate::net::NodeId;
use crate::story::Stray;

/// What a client was told: committed, or aborted.
pub(super) type ToldSoFar = Arc<Mutex<Option<bool>>>;

/// A transaction.
#[derive(Default)]
pub(super) struct Board {
    pub(super) begun: Option<Begun>,
    pub(super) told: ToldSoFar,
    /// The coordinator's requests, by participant.
    pub(super) asked: BTreeMap<u8, InHand>,
    /// Requests that nobody waits for any more.
    pub(super) strays: Vec<(u8, Stray, Errand)>,
    pub(super) force: Option<Forcing>,
    pub(super) read: Option<HeldReading>,
    pub(super) retry: Option<Caller<()>>,
    pub(super) force_overdue: Option<Caller<()>>,
    pub(super) acknowledge_overdue: Option<Caller<()>>,
    pub(super) note: Option<Note>,
    /// The log has said that it is durable before it was: until the next opening what the log
    /// says of it is no evidence.
    pub(super) lied_of: bool,
}

/// What is known of a transaction since it has begun.
#[derive(Clone)]
pub(super) struct Begun {
    pub(super) by: u8,
    pub(super) gid: Gid,
    /// Of its branches, by participant.
    pub(super) xids: Vec<Xid>,
}

/// A request, and where it goes.
#[derive(Clone)]
pub(super) struct Errand {
    pub(super) to: NodeId,
    pub(super) request: Request,
}

/// A request that its caller waits for.
pub(super) struct InHand {
    pub(super) errand: Errand,
    /// Once it has been delivered.
    pub(super) reply: Option<Reply>,
    pub(super) answer: Caller<Option<Reply>>,
}

/// A decision on its way to the log.
pub(super) struct Forcing {
    pub(super) epoch: u64,
    pub(super) commit: Arc<Commit>,
    pub(super) landed: bool,
    /// Until its caller has heard.
    pub(super) answer: Option<Caller<Result<(), ForceError>>>,
}

/// A reading of the log.
pub(super) struct HeldReading {
    pub(super) epoch: u64,
    pub(super) gid: Gid,
    pub(super) answer: Caller<Result<Entry, LogError>>,
}

/// A note that a transaction has finished, which is not written yet.
#[derive(Clone, Copy)]
pub(super) struct Note {
    pub(super) epoch: u64,
    /// The log was not given it, for the order has it lost.
    pub(super) withheld: bool,
    /// The log has written it with something else.
    pub(super) taken_along: bool,
}

impl Board {
    /// Nobody waits for a request any more: if it has not been delivered it may still be.
    pub(super) fn abandon(&mut self, p: u8, call: &InHand) {
        if call.reply.is_none() {
            self.stray(p, &call.errand);
        }
    }

    /// A request, or a copy of it, is on its way by itself. Equal ones are one.
    pub(super) fn stray(&mut self, p: u8, errand: &Errand) {
        let Some(kind) = kind(&errand.request) else { return };
        if !self.strays.iter().any(|(at, other, _)| (*at, *other) == (p, kind)) {
            self.strays.push((p, kind, errand.clone()));
        }
    }
}

impl InHand {
    pub(super) fn new(asked: Asked) -> Self {
        let errand = Errand { to: asked.to, request: asked.request };
        Self { errand, reply: None, answer: asked.answer }
    }
}

/// What a request is once nobody waits for it. An inquiry changes nothing, so it is nothing.
const fn kind(request: &Request) -> Option<Stray> {
    match request {
        Request::Prepare { .. } => Some(Stray::Prepare),
        Request::CommitOnePhase { .. } => Some(Stray::OnePhase),
        Request::Finish { decision: Decision::Commit, .. }
        | Request::Resolve { decision: Decision::Commit, .. } => Some(Stray::Commit),
        Request::Finish { decision: Decision::Abort, .. } => Some(Stray::Abort),
        Request::Resolve { decision: Decision::Abort, .. } => Some(Stray::AbortByGid),
        Request::Begin { .. } | Request::Work { .. } | Request::Inquire { .. } | Request::List => {
            None
        }
    }
}
