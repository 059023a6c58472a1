//! The system that is explored: the shipped machines in an environment of a size.

use indoubt::protocol::{
    Ending, Input, Phase, RecoveryEffect, RecoveryInput, Timer, TransactionMachine,
};

use super::automaton::{Automaton, Id, Untabulated};
use super::claim::Reached;
use super::machines::{
    Recoveries, Transactions, branch, enlisted, found, recovery_input, transaction_input,
};
use super::rules::Rules;
use super::state::{At, NO_MACHINE, NOT_BEGUN, Stage, State, Timers};
use super::step::Step;
use super::symmetry::renamings;
use crate::invariants::Invariant;
use crate::story::{Action, MAX_TRANSACTIONS, OutOfRange, Size};

/// A system that cannot be explored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unexplorable {
    /// Its size is out of range.
    #[error(transparent)]
    Size(#[from] OutOfRange),
    /// A machine does not fit.
    #[error(transparent)]
    Machine(#[from] Untabulated),
}

/// The shipped machines under some rules, and the environment around them. The transition
/// relation can be asked for what may happen ([`actions`](Self::actions)) and for what comes of
/// it ([`after`](Self::after)).
pub struct System<R: Rules> {
    pub(super) rules: R,
    pub(super) size: Size,
    pub(super) reduced: bool,
    /// Nothing fails, nothing takes too long and nobody votes no.
    pub(super) calm: bool,
    pub(super) transactions: Automaton<Transactions>,
    pub(super) recoveries: Automaton<Recoveries>,
    /// Recovery machines to which it makes no difference how the branches that they told end.
    pub(super) inert: Vec<bool>,
    pub(super) phases: Vec<Phase>,
    /// The timers that a transaction machine may still heed. That another one is over changes
    /// nothing, now or later.
    pub(super) heeded: Vec<Timers>,
    /// Renamings of participants; the first changes nothing.
    pub(super) names: Vec<Vec<u8>>,
}

/// Which states are taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// States that differ only in the names of participants and transactions, in what can make
    /// no difference any more, and in recoveries that wait for what they will not use.
    Full,
    /// Only those in which a recovery waits for what it will not use: it is over at once. A
    /// story of either of the others is told step by step in this one, or in `Plain`.
    Inert,
    /// None: every state is its own. Far more states, and nothing to be convinced of.
    Plain,
}

/// What came of an action.
#[derive(Clone, Copy, Debug)]
pub struct After {
    /// The next state.
    pub state: State,
    /// The invariant that this broke.
    pub broken: Option<Invariant>,
    /// What was reached by it.
    pub reached: Reached,
}

impl<R: Rules> System<R> {
    /// The system of this size under these rules.
    pub fn new(rules: R, size: Size, reduction: Reduction) -> Result<Self, Unexplorable> {
        let reduced = reduction == Reduction::Full;
        size.check()?;
        let branches = usize::from(size.participants);
        let start = enlisted(&rules, branches);
        let mut transactions = Automaton::<Transactions>::new(
            &rules,
            branches,
            std::slice::from_ref(&start),
            reduced,
        )?;
        let starts = found(branches);
        let mut recoveries = Automaton::<Recoveries>::new(&rules, branches, &starts, reduced)?;
        let names = if reduced { renamings(size.participants) } else { Vec::new() };
        for names in &names {
            transactions.learn(branches, names, &[(NOT_BEGUN, NOT_BEGUN)])?;
            let images: Vec<(Id, Id)> = (0..starts.len())
                .map(|id| {
                    let orders = id & 1 << branches;
                    let image = orders | usize::from(renamed_bits((id & !orders) as u8, names));
                    (recoveries.starts[id], recoveries.starts[image])
                })
                .collect();
            recoveries.learn(branches, names, &images)?;
        }
        let phases = transactions.states.iter().map(TransactionMachine::phase).collect();
        let heeded = heeded(&transactions);
        let ends: Vec<usize> = (0..branches)
            .map(branch)
            .flat_map(|id| {
                let endings = [Ending::AsDecided, Ending::Heuristic, Ending::Untold];
                let finished = endings.map(|ending| RecoveryInput::Finished(id, ending));
                finished.into_iter().chain(Some(RecoveryInput::FinishLost(id)))
            })
            .map(|input| recovery_input(input, branches))
            .collect();
        let done = [RecoveryEffect::Done].into_iter().collect();
        let mut inert = recoveries.inert(&ends, &done);
        for inert in &mut inert {
            *inert &= reduction != Reduction::Plain;
        }
        Ok(Self {
            rules,
            size,
            reduced,
            calm: false,
            transactions,
            recoveries,
            inert,
            phases,
            heeded,
            names,
        })
    }

    /// The same system when nothing fails, nothing takes too long and nobody votes no.
    pub fn calm(mut self) -> Self {
        self.calm = true;
        self.size.faults = 0;
        self
    }

    /// The size.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Where everything begins: the first coordinator has opened the log, and every transaction
    /// has an open branch at every participant as soon as it is begun.
    pub fn initial(&self) -> State {
        let mut state = State { log_epoch: 1, budget: self.size.faults, ..State::default() };
        state.coordinators[0].epoch = 1;
        for tx in &mut state.txs[usize::from(self.size.transactions)..MAX_TRANSACTIONS] {
            tx.machine = NO_MACHINE;
        }
        state
    }

    /// Everything that may happen next.
    pub fn actions(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        self.enabled(state, |action| actions.push(action));
        actions
    }

    /// What comes of an action that may happen.
    pub fn after(&self, state: &State, action: Action) -> After {
        let mut step = Step::new(self, *state);
        step.take(action);
        step.end()
    }

    /// Transactions of this exploration, by number.
    pub(super) fn transactions(&self) -> std::ops::Range<usize> {
        0..usize::from(self.size.transactions)
    }

    /// Participants of this exploration, by number.
    pub(super) fn participants(&self) -> std::ops::Range<usize> {
        0..usize::from(self.size.participants)
    }

    /// Coordinators of this exploration, by number.
    pub(super) fn coordinators(&self) -> std::ops::Range<usize> {
        0..usize::from(self.size.coordinators)
    }

    /// The phase of a transaction's machine, if it has one.
    pub(super) fn phase(&self, machine: Id) -> Option<Phase> {
        self.phases.get(usize::from(machine)).copied()
    }

    /// Whether a commit can have to be forced.
    pub(super) fn needs_log(&self) -> bool {
        self.transactions.states[usize::from(NOT_BEGUN)].needs_log()
    }

    /// Whether a coordinator leaves a transaction alone, as one that it drives.
    pub(super) fn live(state: &State, c: usize, t: usize) -> bool {
        let tx = &state.txs[t];
        usize::from(tx.owner) == c && tx.stage != Stage::Absent
    }

    /// Branches of a transaction that are prepared, as bits.
    pub(super) fn prepared(&self, state: &State, t: usize) -> u8 {
        self.participants()
            .filter(|p| state.txs[t].branches[*p].at == At::Prepared)
            .fold(0, |bits, p| bits | 1 << p)
    }
}

/// By state, the timers that a machine heeds there or in any state that it can still come to.
fn heeded(machines: &Automaton<Transactions>) -> Vec<Timers> {
    let mut heeded = vec![Timers::default(); machines.states.len()];
    for timer in [Timer::Force, Timer::Acknowledge] {
        let may = machines.may_heed(transaction_input(Input::Overdue(timer)));
        for (heeded, _) in heeded.iter_mut().zip(may).filter(|(_, may)| *may) {
            heeded.start(timer);
        }
    }
    heeded
}

/// The bits of a set of branches under a renaming.
pub(super) fn renamed_bits(bits: u8, names: &[u8]) -> u8 {
    names
        .iter()
        .enumerate()
        .filter(|(p, _)| bits & 1 << p != 0)
        .fold(0, |renamed, (_, name)| renamed | 1 << name)
}
