//! Recovery: the state that a log speaks of.

use super::{Ended, Record};
use crate::edges::{Effect, What};
use crate::error::PgResult;
use crate::heap::Status;
use crate::locks::{Owner, Span};
use crate::server::{Gxact, State};

/// Replays a log into a state that has nothing in it, and tells what it did.
///
/// Afterwards whatever began and has not ended is void, except what is prepared, which has its
/// locks again.
///
/// # Errors
/// A record cannot be read.
pub(crate) fn replay(state: &mut State, records: &[Vec<u8>]) -> PgResult<Vec<Effect>> {
    let mut told = Vec::new();
    for record in records {
        let record = Record::decode(record)?;
        told.extend(redo(state, record));
    }
    let prepared: Vec<_> = state.prepared.values().map(|gxact| gxact.prepared.clone()).collect();
    for prepared in prepared {
        for (tag, mode) in &prepared.locks {
            let owner = Owner::Prepared(prepared.xid());
            // Nobody else holds any lock yet, and these did not conflict among each other.
            let _granted = state.locks.take(owner, *tag, *mode, Span::Transaction);
        }
    }
    Ok(told)
}

fn redo(state: &mut State, record: Record) -> Option<Effect> {
    match record {
        Record::Assigned { xid } => {
            state.pass_xid(xid);
            None
        }
        Record::Commit(work) => {
            do_again(state, &work);
            state.end(&work.xids, &work.changes, Status::Committed);
            let database = state.catalog.database_name(work.database);
            Some(effect(What::Committed { tag: work.tag }, work.xids[0], database))
        }
        Record::Abort { xids } => {
            for xid in xids {
                state.pass_xid(xid);
                state.clog.set(xid, Status::Aborted);
            }
            None
        }
        Record::Prepare(prepared) => {
            do_again(state, &prepared.work);
            state.running.extend(&prepared.work.xids);
            let (xid, gid) = (prepared.xid(), prepared.gid.clone());
            let database = state.catalog.database_name(prepared.work.database);
            state.prepared.insert(gid.clone(), Gxact { prepared, valid: true, locked_by: None });
            Some(effect(What::Prepared { gid }, xid, database))
        }
        Record::CommitPrepared { gid, xid } => {
            let database = finish(state, &gid, Status::Committed);
            Some(effect(What::CommittedPrepared { gid }, xid, database))
        }
        Record::RollbackPrepared { gid, xid } => {
            let database = finish(state, &gid, Status::Aborted);
            Some(effect(What::RolledBackPrepared { gid }, xid, database))
        }
        Record::Timeline(timeline) => {
            state.timeline = state.timeline.max(timeline);
            None
        }
    }
}

fn do_again(state: &mut State, work: &Ended) {
    for xid in &work.xids {
        state.pass_xid(*xid);
    }
    for (xid, change) in &work.changes {
        // A lock of rows matters only for as long as it is held.
        state.apply(*xid, 0, change);
    }
}

fn finish(state: &mut State, gid: &str, status: Status) -> String {
    let Some(gxact) = state.prepared.remove(gid) else { return String::new() };
    let work = gxact.prepared.work;
    state.end(&work.xids, &work.changes, status);
    state.catalog.database_name(work.database)
}

fn effect(what: What, xid: u64, database: String) -> Effect {
    Effect { what, xid, database, by: None, durable: true }
}
