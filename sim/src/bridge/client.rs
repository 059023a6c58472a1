//! The client of an ordered run: one transaction with a branch at every participant.
//!
//! What it does at a participant makes that one vote as the order will ask of it.

use futures::channel::oneshot;
use indoubt::{Coordinator, EnlistError, Participant, Transaction};

use super::Order;
use super::board::{Begun, ToldSoFar};
use super::parts::ParticipantOf;
use crate::bend::Bend;
use crate::database::Xid;
use crate::edge::Witness;
use crate::history::rows::marker;
use crate::history::{self, Event, Tx};
use crate::lock::lock;
use crate::parts::{Backlog, Op, Works};
use crate::story::{Action, Choice};
use crate::workload::commit;

/// How many gids after its own a client uses up, if the log has to forget it by order.
pub(super) const UNUSED: u64 = 3;

/// A client.
pub(super) struct Client<B: Bend> {
    pub(super) by: u8,
    pub(super) coordinator: Coordinator,
    pub(super) participants: Vec<ParticipantOf<B>>,
    pub(super) plan: Plan,
    pub(super) commits: bool,
    pub(super) told: ToldSoFar,
    pub(super) backlog: Backlog,
    pub(super) witness: Witness,
}

/// What a client is to do at each participant.
pub(super) struct Plan {
    t: u8,
    votes: Vec<Choice>,
    uses_up: bool,
}

/// Why a transaction could not be begun.
pub(super) enum Refused {
    Fenced,
    Otherwise(String),
}

impl<B: Bend> Client<B> {
    /// Begins, says so, waits to be told to go on, and ends.
    pub(super) async fn run(
        self,
        begun: oneshot::Sender<Result<Begun, Refused>>,
        go: oneshot::Receiver<()>,
    ) {
        let transaction = self.coordinator.begin();
        let tx = Tx::of(transaction.gid());
        self.witness.record(Event::Began { tx, by: self.witness.by() });
        let mut xids = Vec::new();
        for (p, participant) in (0..).zip(&self.participants) {
            match self.enlist(&transaction, tx, p, participant).await {
                Ok(xid) => xids.push(xid),
                Err(refused) => {
                    let _gone = begun.send(Err(refused));
                    return;
                }
            }
        }
        if self.plan.uses_up {
            (0..UNUSED).for_each(|_| drop(self.coordinator.begin()));
        }
        let by = self.by;
        let _gone = begun.send(Ok(Begun { by, gid: transaction.gid().clone(), xids }));
        if go.await.is_err() {
            return;
        }
        let told = if self.commits {
            match commit(transaction, &self.backlog, &self.witness).await {
                history::Told::Committed => Some(true),
                history::Told::Aborted => Some(false),
                history::Told::InDoubt | history::Told::Expired | history::Told::NeverBegun => None,
            }
        } else {
            transaction.rollback().await;
            Some(false)
        };
        *lock(&self.told) = told;
    }

    async fn enlist(
        &self,
        transaction: &Transaction,
        tx: Tx,
        p: u8,
        participant: &ParticipantOf<B>,
    ) -> Result<Xid, Refused> {
        let branch = transaction.branch(participant).await.map_err(|error| match error {
            EnlistError::Fenced => Refused::Fenced,
            other => Refused::Otherwise(other.to_string()),
        })?;
        self.witness.record(Event::Enlisted { tx, p });
        let name = participant.name();
        let worked = branch.work(self.plan.work(tx, p)).await;
        worked.map_err(|error| Refused::Otherwise(format!("{name}: {error}")))?;
        Ok(branch.xid())
    }
}

impl Plan {
    /// What the order asks of the participants of a transaction; of one that it never asks for
    /// its vote, a yes.
    pub(super) fn new(order: &Order, t: u8) -> Self {
        let vote = |p: u8| {
            order.actions.iter().find_map(|action| match *action {
                Action::Arrive { t: of, p: at, choice, .. }
                    if (of, at) == (t, p) && choice != Choice::None =>
                {
                    Some(choice)
                }
                _ => None,
            })
        };
        let votes = (0..order.size.participants).map(|p| vote(p).unwrap_or(Choice::Yes));
        Self { t, votes: votes.collect(), uses_up: order.expires() }
    }

    fn work(&self, tx: Tx, p: u8) -> Op {
        let key = self.t.into();
        match self.votes.get(usize::from(p)) {
            Some(Choice::ReadOnly) => Op::Read { key },
            // A deferred constraint, which the prepare finds violated.
            Some(Choice::No) => Op::Add { key, delta: -1_000_000 },
            _ => Op::Insert { key: marker(tx), value: self.writers() },
        }
    }

    /// The marker says how many participants have it.
    fn writers(&self) -> i64 {
        let writes = |vote: &&Choice| matches!(vote, Choice::Yes);
        i64::try_from(self.votes.iter().filter(writes).count()).unwrap_or(i64::MAX)
    }
}
