//! The node of a hosted participant: takes requests, and calls it.

use std::collections::BTreeSet;
use std::io;
use std::pin::pin;
use std::sync::Mutex;

use futures::channel::mpsc::UnboundedReceiver;
use futures::future::{Either, select};
use futures::lock;
use futures::{StreamExt, stream};
use indoubt::{BranchGid, Clock, Decision, Ending, Lost, OnePhaseVote, Participant, Receipt, Vote};

use super::sessions::{Sessions, Standing, WorkStep};
use super::teller::By;
use super::wire::{Message, Reply, Request, SessionId};
use super::{Hosted, Teller};
use crate::history::{Event, VoteKind};
use crate::net::{Endpoint, NodeId};
use crate::parts::{Hand, Serve, Site, WorkRefused};

/// One life of a hosted participant's node.
pub struct Host<H: Hosted> {
    pub(super) hosted: H,
    pub(super) participant: H::Participant,
    pub(super) site: Site,
    pub(super) endpoint: Endpoint<Message<H::Op>>,
    pub(super) teller: Teller,
    pub(super) sessions: Sessions<<H::Participant as Participant>::Branch>,
    /// Branches that somebody is ending: one at a time, so that it is known who did.
    pub(super) ending: Mutex<BTreeSet<BranchGid>>,
    pub(super) failed: lock::Mutex<UnboundedReceiver<io::Error>>,
}

impl<H: Hosted> Host<H> {
    async fn serve(&self, from: NodeId, message: Message<H::Op>) {
        let Some((to, request)) = message.into_request() else { return };
        if self.site.rival == Some(from)
            && let Request::Resolve { gid, .. } = &request
        {
            self.watch_rival(gid).await;
        }
        if let Some(reply) = self.reply_to(request).await {
            self.endpoint.send(from, to.with(reply));
        }
    }

    /// Another process under the same id may look at what is prepared, and end none of it.
    async fn watch_rival(&self, gid: &BranchGid) {
        if let Some(tx) = self.teller.ours(gid)
            && self.prepared().await.is_ok_and(|prepared| prepared.contains(gid))
        {
            self.site.events.record(Event::Trespassed { tx, p: self.site.p });
        }
    }

    async fn prepared(&self) -> Result<Vec<BranchGid>, Lost> {
        self.participant.in_doubt(&self.site.owner).await
    }

    /// `None` leaves the request unanswered: another copy of it is at work.
    async fn reply_to(&self, request: Request<H::Op>) -> Option<Reply> {
        match request {
            Request::Begin { gid } => Some(self.begin(gid).await),
            Request::Work { session, step, op } => self.work(session, step, op).await,
            Request::Prepare { session, gid } => self.prepare(session, &gid).await,
            Request::CommitOnePhase { session, gid } => self.commit_alone(session, &gid).await,
            Request::Inquire { session, gid } => Some(self.inquire(session, &gid).await),
            Request::Finish { session, gid, decision } => {
                Some(ended(self.finish(session, &gid, decision).await))
            }
            Request::Resolve { gid, decision, receipt } => {
                Some(ended(self.resolve(&gid, decision, &receipt, By::Recovery).await))
            }
            Request::List => Some(match self.prepared().await {
                Ok(gids) => Reply::Prepared(gids),
                Err(lost) => unknown(&lost),
            }),
        }
    }

    async fn begin(&self, gid: BranchGid) -> Reply {
        match self.participant.begin(&gid).await {
            Ok(branch) => Reply::Begun(self.sessions.begin(gid, branch, self.site.clock.now())),
            Err(error) => Reply::NotBegun(error.to_string()),
        }
    }

    async fn work(&self, session: SessionId, step: u32, op: H::Op) -> Option<Reply> {
        match self.sessions.step(session, step, self.site.clock.now()) {
            WorkStep::New(branch) => {
                let result = self.hosted.work(&branch, op).await;
                self.sessions.done(session, step, result.clone());
                Some(Reply::Worked(result))
            }
            WorkStep::Done(result) => Some(Reply::Worked(result)),
            WorkStep::Underway => None,
            WorkStep::NoSession => Some(Reply::Worked(Err(WorkRefused::NoSession))),
        }
    }

    async fn prepare(&self, session: SessionId, gid: &BranchGid) -> Option<Reply> {
        match self.sessions.state(session) {
            Some(Standing::Active) => {}
            Some(Standing::Prepared(receipt)) => return Some(Reply::Voted(Vote::Yes(receipt))),
            Some(Standing::Busy | Standing::Unknown) => return None,
            None => {
                let is_prepared = self.prepared().await.is_ok_and(|all| all.contains(gid));
                let gone = || Reply::Voted(Vote::No("the session is gone".into()));
                return (!is_prepared).then(gone);
            }
        }
        let branch = self.sessions.set(session, Standing::Busy)?;
        let vote = self.participant.prepare(&branch).await;
        match &vote {
            Ok(Vote::Yes(receipt)) => {
                drop(self.sessions.set(session, Standing::Prepared(receipt.clone())));
            }
            Ok(Vote::ReadOnly) => self.over(session, gid, VoteKind::ReadOnly),
            Ok(Vote::No(_)) => self.over(session, gid, VoteKind::No),
            Err(_) => drop(self.sessions.set(session, Standing::Unknown)),
        }
        Some(vote.map_or_else(|lost| unknown(&lost), Reply::Voted))
    }

    async fn commit_alone(&self, session: SessionId, gid: &BranchGid) -> Option<Reply> {
        match self.sessions.state(session) {
            Some(Standing::Active) => {}
            Some(_) => return None,
            None => return Some(self.inquire(session, gid).await),
        }
        let branch = self.sessions.set(session, Standing::Busy)?;
        let commit = self.participant.commit_one_phase(&branch);
        let vote = self.alone(gid, By::Alone, commit).await;
        match &vote {
            Ok(OnePhaseVote::Committed) => self.sessions.end(session),
            Ok(OnePhaseVote::RolledBack(_)) => self.over(session, gid, VoteKind::No),
            Err(_) => drop(self.sessions.set(session, Standing::Unknown)),
        }
        Some(vote.map_or_else(|lost| unknown(&lost), Reply::OnePhaseVoted))
    }

    /// The branch has ended with its vote.
    fn over(&self, session: SessionId, gid: &BranchGid, vote: VoteKind) {
        self.sessions.end(session);
        self.teller.voted(gid, vote);
    }

    /// A branch whose session is gone is begun anew, only to be asked about.
    async fn inquire(&self, session: SessionId, gid: &BranchGid) -> Reply {
        if matches!(self.sessions.state(session), Some(Standing::Active | Standing::Busy)) {
            // The commit may still be on its way to the session.
            return Reply::OnePhase(indoubt::OnePhase::Unknown);
        }
        let end = match self.participant.begin(gid).await {
            Ok(branch) => self.participant.inquire(&branch).await,
            Err(error) => Err(Lost::new(error.to_string())),
        };
        end.map_or_else(|lost| unknown(&lost), Reply::OnePhase)
    }

    async fn finish(
        &self,
        session: SessionId,
        gid: &BranchGid,
        decision: Decision,
    ) -> Result<Ending, Lost> {
        match self.sessions.state(session) {
            None => self.resolve(gid, decision, &Receipt::none(), By::Coordinator).await,
            Some(Standing::Busy) => Err(busy()),
            Some(before) => {
                let Some(branch) = self.sessions.set(session, Standing::Busy) else {
                    return Err(busy());
                };
                let ending = self.participant.finish(&branch, decision);
                let ended = self.alone(gid, By::Coordinator, ending).await;
                if ended.is_ok() {
                    self.sessions.end(session);
                } else {
                    drop(self.sessions.set(session, before));
                }
                ended
            }
        }
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        receipt: &Receipt,
        by: By,
    ) -> Result<Ending, Lost> {
        let ended = self.alone(gid, by, self.participant.resolve(gid, decision, receipt)).await;
        if ended.is_ok() {
            self.sessions.end_all(gid);
        }
        ended
    }

    /// Nobody else ends the branch meanwhile.
    async fn alone<T>(
        &self,
        gid: &BranchGid,
        by: By,
        ending: impl Future<Output = Result<T, Lost>>,
    ) -> Result<T, Lost> {
        if !crate::lock::lock(&self.ending).insert(gid.clone()) {
            return Err(busy());
        }
        self.teller.at_work(gid, by);
        let ended = ending.await;
        crate::lock::lock(&self.ending).remove(gid);
        ended
    }
}

fn busy() -> Lost {
    Lost::new("somebody else is at work on the branch")
}

fn unknown(lost: &Lost) -> Reply {
    Reply::Lost(lost.reason().to_owned())
}

fn ended(ended: Result<Ending, Lost>) -> Reply {
    ended.map_or_else(|lost| unknown(&lost), Reply::Ended)
}

impl<H: Hosted> Serve for Host<H> {
    async fn run(&self) -> io::Error {
        let messages = stream::unfold(&self.endpoint, |endpoint| async move {
            Some((endpoint.recv().await, endpoint))
        });
        let serve = messages.for_each_concurrent(None, |(from, message)| self.serve(from, message));
        let expire = async {
            loop {
                self.site.clock.sleep(self.site.idle).await;
                let since = self.site.clock.now().saturating_sub(self.site.idle);
                while let Some(gid) = self.sessions.end_idle(since) {
                    if let Some(tx) = self.teller.ours(&gid) {
                        self.site.events.record(Event::Expired { tx, p: self.site.p });
                    }
                }
            }
        };
        let mut failed = self.failed.lock().await;
        let (serve, expire) = (pin!(serve), pin!(expire));
        match select(failed.next(), select(serve, expire)).await {
            Either::Left((error, _)) => {
                error.unwrap_or_else(|| io::Error::other("the journal is gone"))
            }
            Either::Right(_) => io::Error::other("the network ended"),
        }
    }

    async fn at_rest(&self) -> bool {
        self.sessions.is_empty() && self.prepared().await.is_ok_and(|all| all.is_empty())
    }

    async fn remains(&self) -> Vec<Event> {
        let p = self.site.p;
        let rows = self.hosted.rows(&self.participant).into_iter();
        let mut events: Vec<_> = rows.map(|(key, value)| Event::Row { p, key, value }).collect();
        let prepared = self.prepared().await.unwrap_or_default();
        let ours = prepared.iter().filter_map(|gid| self.teller.ours(gid));
        events.extend(ours.map(|tx| Event::StillPrepared { tx, p }));
        events
    }

    async fn suffer(&self, hand: Hand) -> io::Result<bool> {
        let Hand::Operator { commit } = hand else { return Ok(false) };
        let decision = if commit { Decision::Commit } else { Decision::Abort };
        if let Some(gid) = self.prepared().await.unwrap_or_default().first() {
            // If it cannot be done now, the operator lets it be.
            let _ended = self.resolve(gid, decision, &Receipt::none(), By::Operator).await;
        }
        Ok(true)
    }
}
