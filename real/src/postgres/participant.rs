//! The contract of [`Participant`], kept by the parts.

use std::str::FromStr;

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};

use super::branch::{PostgresBranch, Stage};
use super::dial::Dialer;
use super::evidence::Xact;
use super::failure::Failure;
use super::handle::{Inner, Postgres};
use super::one_phase::{self, remembered};
use super::session::Session;
use super::{begin, settle, sql, vote};

impl<D: Dialer> Participant for Postgres<D> {
    type Branch = PostgresBranch;

    fn name(&self) -> &str {
        &self.inner.name
    }

    async fn begin(&self, gid: &BranchGid) -> Result<PostgresBranch, BeginError> {
        let Inner { dialer, config, server, first, .. } = &*self.inner;
        // One begins first, and the others know what it found. Together they could take all the
        // places of a pool, and each wait for the sessions with which a pooler is examined.
        let _first = if server.get().is_none() { Some(first.lock().await) } else { None };
        let known = server.get().cloned();
        let (branch, found) = begin::begin(dialer, config, gid, known, self.lock_timeout).await?;
        let _known_already = server.set(found);
        tracing::debug!(participant = self.name(), %gid, "begun");
        Ok(branch)
    }

    async fn prepare(&self, branch: &PostgresBranch) -> Result<Vote, Lost> {
        let vote = vote::prepare(self, branch).await;
        tracing::debug!(participant = self.name(), gid = %branch.gid, ?vote, "prepare");
        vote
    }

    async fn commit_one_phase(&self, branch: &PostgresBranch) -> Result<OnePhaseVote, Lost> {
        let vote = one_phase::commit_one_phase(self, branch).await;
        tracing::debug!(participant = self.name(), gid = %branch.gid, ?vote, "commit in one phase");
        vote
    }

    async fn inquire(&self, branch: &PostgresBranch) -> Result<OnePhase, Lost> {
        let end = match remembered(branch) {
            Ok(end) => end,
            Err(evidence) => one_phase::inquire(self, &evidence).await?,
        };
        match end {
            OnePhase::Committed => branch.end(Stage::Committed),
            OnePhase::RolledBack => branch.end(Stage::RolledBack),
            OnePhase::Unknown | OnePhase::Untold => {}
        }
        tracing::debug!(participant = self.name(), gid = %branch.gid, ?end, "inquiry");
        Ok(end)
    }

    async fn finish(&self, branch: &PostgresBranch, decision: Decision) -> Result<Ending, Lost> {
        let ending = settle::finish(self, branch, decision).await;
        tracing::debug!(participant = self.name(), gid = %branch.gid, ?decision, ?ending, "finish");
        ending
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
    ) -> Result<Ending, Lost> {
        let ending = settle::by_gid(self, gid, decision, Xact::of(receipt).as_ref()).await;
        tracing::debug!(participant = self.name(), %gid, ?decision, ?ending, "resolve");
        ending
    }

    async fn in_doubt(&self, owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        self.inner.control.tidy();
        let lists = self.lists().await?;
        let gids = list(lists.session(), owner).await;
        lists.keep();
        tracing::debug!(participant = self.name(), %owner, ?gids, "in doubt");
        gids
    }
}

/// The owner's prepared branches in this database. A standby is refused: it knows none of
/// its primary's prepared transactions, and an empty list from it would be a lie.
async fn list(session: &Session, owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
    let rows = session.rows(&sql::in_doubt(owner)).await.map_err(Failure::into_lost)?;
    if rows.is_empty() || rows.iter().any(|row| row.get(0) != Some("f")) {
        return Err(Lost::new(
            "this server is a standby: let the participant connect to the primary",
        ));
    }
    let gids = rows.iter().filter_map(|row| row.get(1)).filter_map(|text| {
        let gid = BranchGid::from_str(text);
        if gid.is_err() {
            tracing::warn!(gid = text, "not a gid of ours, though it starts like one: left alone");
        }
        gid.ok()
    });
    Ok(gids.collect())
}
