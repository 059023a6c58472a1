//! A participant that is no database: a ledger in this process, with prepared entries.
//!
//! It shows what a participant of one's own takes. It lives as long as the process, and makes no
//! claim of durability beyond that, unless it has a seat at a simulated node: there it keeps its
//! records in the seat's journal, and tells what has become durable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indoubt::{
    BeginError, BranchGid, CoordinatorId, Decision, Ending, Lost, OnePhase, OnePhaseVote,
    Participant, Receipt, Vote,
};
use indoubt_sim::hosting::{Journal, Seat, Teller};
use serde::{Deserialize, Serialize};

/// A line whose branch somebody rolls back by hand as soon as it is prepared.
pub(crate) const ENDED_BY_HAND: &str = "ended by hand";

/// A line whose branch is prepared, and never says so.
pub(crate) const NO_ANSWER: &str = "prepared, and no answer";

/// A line that no ledger takes, and what it says to it.
const NONSENSE: &str = "nonsense";
const REFUSAL: &str = "nonsense is not entered";

/// The name of a ledger that begins nothing, and says nothing about it.
pub(crate) const SILENT: &str = "silent";

/// The name of a ledger that refuses the first page that it is asked for.
pub(crate) const HESITANT: &str = "hesitant";

/// The ledger; clones are the same one.
#[derive(Clone)]
pub(crate) struct Ledger {
    name: Arc<str>,
    state: Arc<Mutex<State>>,
    seat: Option<(Journal<Record>, Teller)>,
}

/// What has to last.
#[derive(Serialize, Deserialize)]
pub(crate) enum Record {
    Prepared {
        gid: String,
        lines: Vec<String>,
    },
    /// Committed without having been prepared.
    Entered {
        gid: String,
        lines: Vec<String>,
    },
    Ended {
        gid: String,
        committed: bool,
    },
}

#[derive(Default)]
struct State {
    entries: Vec<String>,
    prepared: BTreeMap<String, Vec<String>>,
    ended: BTreeMap<String, Decision>,
    /// Nobody reaches it.
    away: bool,
    /// It was asked for a page.
    asked: bool,
}

/// A page to write on.
pub(crate) struct Page {
    gid: BranchGid,
    lines: Mutex<Vec<String>>,
}

impl Page {
    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn write(&self, line: &str) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line.to_owned());
    }
}

impl Ledger {
    pub(crate) fn named(name: &str) -> Self {
        Self { name: name.into(), state: Arc::default(), seat: None }
    }

    /// An empty one at this seat, which keeps what has to last in this journal.
    pub(crate) fn seated(seat: &Seat, journal: Journal<Record>) -> Self {
        Self { seat: Some((journal, seat.teller.clone())), ..Self::named(&seat.name()) }
    }

    /// Makes it last, then has it happen.
    async fn keep(&self, record: Record) -> Result<(), Lost> {
        if let Some((journal, _)) = &self.seat {
            journal.write(&record).await.map_err(|error| Lost::new(error.to_string()))?;
        }
        self.apply(record);
        Ok(())
    }

    pub(crate) fn apply(&self, record: Record) {
        let mut state = self.state();
        match record {
            Record::Prepared { gid, lines } => {
                self.tell(&gid, Teller::prepared);
                state.prepared.insert(gid, lines);
            }
            Record::Entered { gid, lines } => {
                self.tell(&gid, |teller, gid| teller.ended(gid, Decision::Commit));
                state.entries.extend(lines);
                state.ended.insert(gid, Decision::Commit);
            }
            Record::Ended { gid, committed } => {
                let decision = if committed { Decision::Commit } else { Decision::Abort };
                self.tell(&gid, |teller, gid| teller.ended(gid, decision));
                let lines = state.prepared.remove(&gid).unwrap_or_default();
                state.entries.extend(lines.into_iter().filter(|_| committed));
                state.ended.insert(gid, decision);
            }
        }
    }

    fn tell(&self, gid: &str, tell: impl Fn(&Teller, &BranchGid)) {
        if let Some((_, teller)) = &self.seat
            && let Ok(gid) = gid.parse()
        {
            tell(teller, &gid);
        }
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        self.state().entries.clone()
    }

    pub(crate) fn prepared(&self) -> usize {
        self.state().prepared.len()
    }

    /// Whether anybody reaches it from now on.
    pub(crate) fn is_away(&self, away: bool) {
        self.state().away = away;
    }

    fn reached(&self) -> Result<MutexGuard<'_, State>, Lost> {
        let state = self.state();
        if state.away { Err(Lost::new("it is away")) } else { Ok(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Participant for Ledger {
    type Branch = Page;

    fn name(&self) -> &str {
        &self.name
    }

    async fn begin(&self, gid: &BranchGid) -> Result<Page, BeginError> {
        if self.name() == SILENT {
            std::future::pending::<()>().await;
        }
        if self.name() == HESITANT && !std::mem::replace(&mut self.state().asked, true) {
            return Err(BeginError::new("not at once").retryable());
        }
        Ok(Page { gid: gid.clone(), lines: Mutex::default() })
    }

    async fn prepare(&self, page: &Page) -> Result<Vote, Lost> {
        let lines = page.lines();
        if lines.is_empty() {
            return Ok(Vote::ReadOnly);
        }
        if lines.iter().any(|line| line == NONSENSE) {
            return Ok(Vote::No(REFUSAL.into()));
        }
        if lines.iter().any(|line| line == ENDED_BY_HAND) {
            self.state().ended.insert(page.gid.to_string(), Decision::Abort);
        } else {
            let silent = lines.iter().any(|line| line == NO_ANSWER);
            self.keep(Record::Prepared { gid: page.gid.to_string(), lines }).await?;
            if silent {
                std::future::pending::<()>().await;
            }
        }
        Ok(Vote::Yes(Receipt::none()))
    }

    async fn commit_one_phase(&self, page: &Page) -> Result<OnePhaseVote, Lost> {
        let lines = page.lines();
        if lines.iter().any(|line| line == NONSENSE) {
            return Ok(OnePhaseVote::RolledBack(REFUSAL.into()));
        }
        if !lines.is_empty() {
            // In one record: while it is prepared, recovery would roll it back.
            self.keep(Record::Entered { gid: page.gid.to_string(), lines }).await?;
        }
        Ok(OnePhaseVote::Committed)
    }

    async fn inquire(&self, page: &Page) -> Result<OnePhase, Lost> {
        Ok(match self.state().ended.get(&page.gid.to_string()) {
            Some(Decision::Commit) => OnePhase::Committed,
            _ => OnePhase::RolledBack,
        })
    }

    async fn finish(&self, page: &Page, decision: Decision) -> Result<Ending, Lost> {
        self.resolve(&page.gid, decision, &Receipt::none()).await
    }

    async fn resolve(
        &self,
        gid: &BranchGid,
        decision: Decision,
        _: &Receipt,
    ) -> Result<Ending, Lost> {
        let gid = gid.to_string();
        if self.reached()?.prepared.contains_key(&gid) {
            let committed = decision == Decision::Commit;
            self.keep(Record::Ended { gid, committed }).await?;
            return Ok(Ending::AsDecided);
        }
        let state = self.reached()?;
        Ok(match (state.ended.get(&gid), decision) {
            (Some(ended), _) if *ended == decision => Ending::Earlier,
            (None, Decision::Abort) => Ending::Earlier,
            (Some(_), _) => Ending::Heuristic,
            (None, Decision::Commit) => Ending::Untold,
        })
    }

    async fn in_doubt(&self, owner: &CoordinatorId) -> Result<Vec<BranchGid>, Lost> {
        let gids: Vec<BranchGid> =
            self.reached()?.prepared.keys().filter_map(|gid| gid.parse().ok()).collect();
        Ok(gids.into_iter().filter(|branch| branch.gid.coordinator == *owner).collect())
    }
}
