//! The workloads of this crate: transfers between accounts, and orders with stock.
//!
//! A transaction's plan is drawn from a stream of its own number, so it is the same whatever
//! happened to the ones before it.

use indoubt::Participant;

use super::{GaveUp, Job, Workload};
use crate::draw::Draw;
use crate::history::Tx;
use crate::history::rows::{marker, order};
use crate::parts::{Op, Works};
use crate::scenario::{self, Scenario, Servers};

/// The first stream of the plans.
const STREAM: u64 = 2 << 48;

/// An account's opening balance.
const BALANCE: i64 = 1_000;

/// How many of a thousand transactions at servers do what is refused, after all their work.
const REFUSED_PERMILLE: u16 = 100;

/// What the scenario says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planned;

impl<P: Participant<Branch: Works<Op = Op>>> Workload<P> for Planned {
    fn seeded(&self, scenario: &Scenario, p: u8) -> Vec<(u64, i64)> {
        seeded_rows(scenario, p)
    }

    fn marks(&self) -> bool {
        true
    }

    async fn transact(&self, job: &Job<'_, P>) -> Result<(), GaveUp> {
        for (p, op) in plan(job.scenario(), job.number(), job.tx()) {
            job.work(p, op).await?;
        }
        Ok(())
    }
}

impl Planned {
    /// The rows of a participant before the run: for whoever does the work elsewhere than in a
    /// simulated run.
    pub fn rows(scenario: &Scenario, p: u8) -> Vec<(u64, i64)> {
        seeded_rows(scenario, p)
    }

    /// What the `number`-th transaction does, with this gid: pieces of work in order, each at a
    /// participant.
    pub fn steps(scenario: &Scenario, number: u32, tx: Tx) -> Vec<(u8, Op)> {
        plan(scenario, number, tx)
    }
}

/// The rows of a participant before the run.
fn seeded_rows(scenario: &Scenario, p: u8) -> Vec<(u64, i64)> {
    match scenario.workload {
        scenario::Workload::Transfers { accounts, .. } => {
            (0..accounts).map(|key| (key, BALANCE)).collect()
        }
        scenario::Workload::Orders { .. } if p == 0 => Vec::new(),
        scenario::Workload::Orders { items, stock } => (0..items).map(|key| (key, stock)).collect(),
    }
}

/// The run's `number`-th transaction, with this gid: pieces of work in order, each at a participant.
fn plan(scenario: &Scenario, number: u32, tx: Tx) -> Vec<(u8, Op)> {
    let mut draw = Draw::new(scenario.seed, STREAM + u64::from(number));
    let mut steps = work(scenario, &mut draw, tx);
    // A server has to refuse what some do last; then see whether they mind (`Client`).
    if scenario.servers == Servers::Postgres
        && draw.permille(REFUSED_PERMILLE)
        && let Some(again) = steps.iter().rfind(|(_, op)| matches!(op, Op::Insert { .. })).copied()
    {
        steps.push(again);
    }
    steps
}

fn work(scenario: &Scenario, draw: &mut Draw, tx: Tx) -> Vec<(u8, Op)> {
    match scenario.workload {
        scenario::Workload::Transfers {
            accounts,
            overdraw_permille,
            audit_permille,
            read_only_permille,
            single_permille,
        } => {
            let single = draw.permille(single_permille);
            let amount = if draw.permille(overdraw_permille) {
                10 * BALANCE
            } else {
                1 + draw.below(50).cast_signed()
            };
            let audit = draw.permille(audit_permille);
            let read_only = draw.permille(read_only_permille);
            let [from, to, further] = distinct(draw, scenario.participants);
            let mut account = || draw.below(accounts);
            let (source, target, audited) = (account(), account(), account());
            if read_only {
                vec![(from, Op::Read { key: source }), (to, Op::Read { key: target })]
            } else if single {
                vec![
                    (from, insert(marker(tx), 1)),
                    (from, add(source, -amount)),
                    (from, add(target, amount)),
                ]
            } else {
                let mut steps = vec![
                    (from, add(source, -amount)),
                    (from, insert(marker(tx), 2)),
                    (to, add(target, amount)),
                    (to, insert(marker(tx), 2)),
                ];
                if audit && scenario.participants > 2 {
                    steps.push((further, Op::Read { key: audited }));
                }
                steps
            }
        }
        scenario::Workload::Orders { items, .. } => {
            let shops = u64::from(scenario.participants) - 1;
            let p = 1 + small(draw.below(shops));
            let item = draw.below(items);
            let quantity = 1 + draw.below(5).cast_signed();
            let other = 1 + small(draw.below(shops));
            let two = draw.below(4) == 0 && other != p;
            let places = if two { 3 } else { 2 };
            let mut steps =
                vec![(0, insert(order(p, item, tx), quantity)), (0, insert(marker(tx), places))];
            for stock in [Some(p), two.then_some(other)].into_iter().flatten() {
                steps.push((stock, add(item, -quantity)));
                steps.push((stock, insert(marker(tx), places)));
            }
            if two {
                steps.push((0, insert(order(other, item, tx), quantity)));
            }
            steps
        }
    }
}

const fn add(key: u64, delta: i64) -> Op {
    Op::Add { key, delta }
}

const fn insert(key: u64, value: i64) -> Op {
    Op::Insert { key, value }
}

fn small(number: u64) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// Three participants that differ as far as there are enough of them.
fn distinct(draw: &mut Draw, participants: u8) -> [u8; 3] {
    let first = small(draw.below(participants.into()));
    let second = (first + 1 + small(draw.below(u64::from(participants) - 1))) % participants;
    let mut third = small(draw.below(participants.into()));
    while participants > 2 && (third == first || third == second) {
        third = (third + 1) % participants;
    }
    [first, second, third]
}
