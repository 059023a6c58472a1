//! What the order has happen to processes and machines, and to those who use them.

use futures::channel::oneshot;
use indoubt::DecisionLog;
use indoubt::protocol::BranchId;

use super::client::{Client, Plan, Refused};
use super::director::{Director, soon};
use super::outcome::{Impossible, Stop};
use super::parts::Acting;
use crate::bend::Bend;
use crate::explore::Logged;
use crate::history::{Event, Place};
use crate::lock::lock;
use crate::story::AtBranch;
use crate::world::address;

impl<B: Bend> Director<'_, B> {
    /// A client begins a transaction, with a branch at every participant, and ends it.
    pub(super) async fn begin(&mut self, t: u8, c: u8, commits: bool) -> Result<(), Stop> {
        let Acting { coordinator, participants, witness, .. } = self.acting(c)?;
        let client = Client::<B> {
            by: c,
            coordinator,
            participants,
            plan: Plan::new(self.order, t),
            commits,
            told: self.board(t).told.clone(),
            backlog: self.world.backlog.clone(),
            witness,
        };
        let (ready, begun) = oneshot::channel();
        let (go, going) = oneshot::channel();
        self.on(Place::Coordinator(c), client.run(ready, going));
        let begun = match soon(begun).await? {
            Ok(Ok(begun)) => begun,
            Ok(Err(Refused::Fenced)) => return Err(Impossible::FencedBegins.into()),
            Ok(Err(Refused::Otherwise(why))) => return Err(Stop::differ("it begun", why)),
            Err(oneshot::Canceled) => return Err(Stop::differ("it begun", "no client")),
        };
        // To begin is to end here. What has been lost of it before was lost while it was open.
        let before = self.before();
        for (p, xid) in (0..).zip(&begun.xids) {
            if before.branch(t.into(), usize::from(p)) == AtBranch::NoTrace {
                self.server(p)?.end_session(*xid);
            }
        }
        self.board(t).begun = Some(begun);
        let _gone = go.send(());
        Ok(())
    }

    /// A coordinator opens the log, whoever has it open.
    pub(super) fn open(&mut self, c: u8) -> Result<(), Stop> {
        let before = self.before();
        for board in &mut self.boards {
            board.lied_of = false;
            if board.note.take().is_some_and(|note| note.taken_along && !note.withheld) {
                return Err(Impossible::NoteTakenAlong.into());
            }
        }
        let others = (0..self.retold.size.coordinators).any(|other| before.is_up(other.into()));
        if others {
            lock(&self.world.struck).takeovers += 1;
            self.world.events.record(Event::TakenOver);
        }
        self.world.log_disk.break_lock();
        self.world.start(Place::Coordinator(c));
        Ok(())
    }

    /// A coordinator's process ends. If nothing that it began may still reach the disk, the
    /// machine loses its power with it.
    pub(super) fn crash(&mut self, c: u8) {
        lock(&self.world.struck).coordinator_crashes += 1;
        self.world.kill(Place::Coordinator(c));
        let left = self.stage.leave(c);
        let epoch = left.as_ref().map(|acting| acting.log.epoch());
        {
            let mut current = lock(&self.world.current);
            if current.as_ref().map(|current| current.coordinator.epoch()) == epoch {
                *current = None;
            }
        }
        self.abandon(c);
        let after = self.after();
        let pending =
            |t: usize| after.may_land(t) || matches!(after.logged(t), Logged::Noting { .. });
        let up = (0..self.retold.size.coordinators).any(|other| after.is_up(other.into()));
        let expires = self.order.expires();
        if !up && !expires && !(0..self.boards.len()).any(pending) {
            self.logs.clear();
            self.world.log_disk.crash();
        }
    }

    /// Nobody waits for what this coordinator had asked.
    fn abandon(&mut self, c: u8) {
        for board in &mut self.boards {
            if board.begun.as_ref().is_none_or(|begun| begun.by != c) {
                continue;
            }
            for (p, call) in std::mem::take(&mut board.asked) {
                board.abandon(p, &call);
            }
            if let Some(force) = &mut board.force {
                force.answer = None;
            }
            board.read = None;
            board.retry = None;
            board.force_overdue = None;
            board.acknowledge_overdue = None;
        }
        let ours = self.resolving.keys().filter(|(by, ..)| *by == c).copied();
        for key in ours.collect::<Vec<_>>() {
            if let Some(call) = self.resolving.remove(&key) {
                self.board(key.1).abandon(key.2, &call);
            }
        }
        self.consulting.retain(|(by, _), _| *by != c);
    }

    /// A participant loses its power, and comes back.
    pub(super) fn crash_participant(&self, p: u8) {
        lock(&self.world.struck).participant_crashes += 1;
        self.world.crash(Place::Participant(p));
        self.world.start(Place::Participant(p));
    }

    pub(super) async fn operator(&mut self, t: u8, p: u8, commit: bool) -> Result<(), Stop> {
        let Some(begun) = self.board(t).begun.clone() else { return Ok(()) };
        let Some(branch) = BranchId::new(p) else { return Ok(()) };
        let gid = begun.gid.branch(branch).to_string();
        let ended = soon(self.server(p)?.operator_ends(&gid, commit)).await?;
        ended.map_err(|error| Stop::differ("it ended by hand", error.to_string()))
    }

    pub(super) fn session_ends(&mut self, t: u8, p: u8) -> Result<(), Stop> {
        let Some(begun) = self.board(t).begun.clone() else { return Ok(()) };
        self.server(p)?.end_session(begun.xids[usize::from(p)]);
        Ok(())
    }

    pub(super) fn acting(&self, c: u8) -> Result<Acting<B>, Stop> {
        let acting = self.stage.acting(c);
        acting.ok_or_else(|| Stop::differ(format!("coordinator-{c} up"), "it down"))
    }

    /// Spawns a task of this place's process.
    pub(super) fn on(&self, place: Place, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.world.hosts)[usize::from(address(place).0)].spawn(task);
    }
}
