//! Stories of the explorer, carried over into the simulator: the same order of events, run by the
//! async coordinator over the file log.
//!
//! After every step both worlds must hold the same. What the explorer calls broken must be broken
//! there too: that is in `carried/bugs.rs`.

#[path = "carried/bent.rs"]
mod bent;
#[path = "carried/bugs.rs"]
mod bugs;
#[path = "explore/planted.rs"]
#[allow(dead_code, reason = "not every bug can be planted at both seams")]
mod explored;
#[path = "../../tests/planted/mod.rs"]
#[allow(dead_code, unused_imports, reason = "not every bug can be planted at both seams")]
mod planted;

use std::collections::BTreeMap;

use indoubt_sim::bend::{Bend, Straight};
use indoubt_sim::bridge::{
    Carried, CarriedRun, Impossible, Order, carry, carry_beside, shrink_order,
};
use indoubt_sim::explore::{
    Action, Choice, From, Inclusion, LogReading, Reduction, Shipped, Size, Story, System, Walks,
};
use indoubt_sim::fuzz::{CLAIMS, Reach};
use indoubt_sim::shrink::Effort;

const SHORTEST: usize = 12;

/// Left to itself a walk rarely comes to a decision: nearly everything that it draws prevents one.
fn wanted(number: usize, story: &Story) -> bool {
    let has = |wanted: fn(&Action) -> bool| story.actions.iter().any(wanted);
    story.size.participants == 1
        || match number % 4 {
            0 => true,
            1 => has(|action| matches!(action, Action::Land { .. })),
            2 => has(|action| matches!(action, Action::ForceReturns { .. })),
            _ => has(|action| matches!(action, Action::ForceFails { .. })),
        }
}

/// Whether no commit is refused: an order has no way to bring that about.
fn begins(story: &Story) -> bool {
    !story.actions.iter().any(|action| matches!(action, Action::RefuseCommit { .. }))
}

/// Whether the log never tells the truth to a coordinator that has been succeeded, and no
/// participant loses track of a branch. The simulated ones do not, so long walks would end there.
fn as_simulated(system: &System<Shipped>, story: &Story) -> bool {
    let mut state = system.initial();
    story.actions.iter().all(|action| {
        let before = state;
        state = system.after(&state, *action).state;
        let evidence_lost = matches!(action, Action::LoseEvidence { .. });
        !evidence_lost && !matches!(*action, Action::Consult { c, reading: LogReading::Truth, .. } if before.is_succeeded(c.into()))
    })
}

/// What came of walks.
#[derive(Default)]
struct Tally {
    runs: usize,
    steps: usize,
    through: usize,
    others: BTreeMap<Impossible, usize>,
    reach: Reach,
}

impl Tally {
    /// Carries over walks of the shipped rules that are long enough to be of interest. Half of
    /// them are broken off on the way: the simulator has to bring what they left to its end.
    fn walk(&mut self, size: Size, reduction: Reduction, runs: usize) {
        let system = System::new(Shipped, size, reduction).expect("a size in range");
        let inclusion = Inclusion::new().expect("the machines fit");
        let plan = Walks { seed: 11, walks: 0, against_faults: 8 };
        let mut walks = (0..).map(|number| system.walked(plan, number));
        for number in 0..runs {
            let fits = |story: &Story| {
                let chosen = number % 4 == 0 || as_simulated(&system, story);
                story.actions.len() >= SHORTEST && begins(story) && wanted(number, story) && chosen
            };
            let mut story = walks.find(fits).expect("there is always another");
            if number / 4 % 2 == 1 {
                let half = story.actions.len() / 2;
                story.actions.truncate(half + number % half);
            }
            let CarriedRun { run, carried } = carry(&Order::of(&story, number as u64));
            assert_eq!(run.violations, [], "{story}\n{}", run.history);
            // And what came of it is what the explorer allows, followed event by event.
            if let Err(strange) = inclusion.follow(&run.history) {
                panic!("{strange}\n{story}\n{}", run.history);
            }
            self.runs += 1;
            self.steps += story.actions.len();
            self.reach.add(&run);
            match carried {
                Some(Carried::Through) => self.through += 1,
                Some(Carried::NotPossible { why, .. }) => *self.others.entry(why).or_default() += 1,
                other => panic!("not carried: {other:?}"),
            }
        }
    }
}

/// The rest are choices that the explorer leaves to a log and that the file log makes itself.
#[test]
fn random_walks_are_carried_over_and_nothing_disagrees() {
    let mut tally = Tally::default();
    for (reduction, runs) in [(Reduction::Full, 60), (Reduction::Plain, 40)] {
        for size in [
            Size::new(1, 1, 1, 3),
            Size::new(1, 3, 1, 3),
            Size::new(1, 2, 2, 3),
            Size::new(2, 2, 2, 4),
        ] {
            tally.walk(size, reduction, runs);
        }
    }
    println!("{} runs, {} steps, {} to the end", tally.runs, tally.steps, tally.through);
    for (why, runs) in &tally.others {
        println!("{runs} not: {why}");
    }
    println!("{}", tally.reach);
    assert!(tally.through * 100 >= tally.runs * 90, "{} of {}", tally.through, tally.runs);
    let missing = tally.reach.missing();
    let missed: Vec<_> = CLAIMS.iter().filter(|claim| missing.contains(claim)).collect();
    // An order has faults of its own, and its clients wait.
    let absent = [
        "runs in which nothing could fail",
        "clients that stopped waiting",
        "hazards that an operator saw to",
    ];
    assert_eq!(missed, absent.iter().collect::<Vec<_>>());
}

const ONE: Size = Size::new(1, 2, 1, 2);

/// Up to where both participants have been asked, and one has voted yes.
fn a_yes_and(vote: Choice) -> Vec<Action> {
    let (t, from, twice) = (0, From::Transaction, false);
    let arrive = |p, choice| Action::Arrive { t, p, from, choice, twice };
    let reply = |p| Action::Reply { t, p, from };
    vec![
        Action::Begin { t, c: 0, commit: true },
        arrive(0, vote),
        reply(0),
        arrive(1, Choice::Yes),
        reply(1),
    ]
}

fn ordered(size: Size, actions: Vec<Action>) -> Order {
    Order { seed: 0, size, actions }
}

#[test]
fn an_order_is_one_run_and_is_printed_and_parsed() {
    let system = System::new(Shipped, Size::new(2, 2, 2, 3), Reduction::Full).expect("in range");
    let story = system.walked(Walks { seed: 5, walks: 0, against_faults: 8 }, 3);
    let order = Order::of(&story, 9);
    let parsed: Order = order.to_string().parse().expect("what was printed");
    assert_eq!(parsed, order);
    let (first, second) = (carry(&order).run, carry(&parsed).run);
    assert_eq!(first.history, second.history);
    assert_eq!(first.hash, second.hash);
}

#[test]
fn an_order_that_no_run_can_have_is_refused() {
    let refused = |order: &Order, what: &str| {
        let error = order.to_string().parse::<Order>().expect_err(what).to_string();
        assert!(error.contains(what), "{error}");
    };
    assert_eq!(ordered(ONE, a_yes_and(Choice::Yes)).check(), Ok(()));
    refused(&ordered(ONE, vec![Action::Land { t: 1 }]), "does not have");
    refused(&ordered(ONE, vec![Action::Open { c: 1 }]), "does not have");
    refused(&ordered(ONE, vec![Action::Crash { c: 0 }; 10_001]), "no more than 10000");
    refused(&ordered(Size::new(3, 2, 1, 0), Vec::new()), "transactions must be from 1 to 2");
}

#[test]
fn what_the_explorer_does_not_have_is_not_possible() {
    let mut actions = a_yes_and(Choice::Yes);
    let action = Action::ForceReturns { t: 0 };
    actions.push(action);
    let CarriedRun { run, carried } = carry(&ordered(ONE, actions));
    let untrue = Carried::NotPossible { step: 6, action, why: Impossible::Untrue };
    assert_eq!(carried, Some(untrue));
    assert_eq!(run.violations, []);
}

/// A simulator that is doctored against the explorer's shipped rules: where they part.
fn parts<B: Bend>(order: &Order) -> Option<(usize, String, String)> {
    let CarriedRun { run, carried } = carry_beside::<B>(order, Shipped);
    let named = run.violations.iter().any(|violation| violation.invariant.name() == "as_explored");
    match carried {
        Some(Carried::Disagreement { step, explored, simulated, .. }) => {
            assert!(named, "a disagreement is a violation");
            Some((step, explored, simulated))
        }
        _ => None,
    }
}

#[test]
fn a_doctored_coordinator_differs_where_it_acts() {
    let order = ordered(ONE, a_yes_and(Choice::No));
    let (step, ..) = parts::<bent::RollbackTakenAsYes>(&order).expect("a disagreement");
    assert_eq!(step, 5);
    let order = ordered(ONE, a_yes_and(Choice::Yes));
    let (step, explored, simulated) =
        parts::<planted::CommitBeforeForce>(&order).expect("a disagreement");
    assert_eq!(step, 5);
    assert_eq!(explored, "of calls to participant-0 for tx-0: Nothing");
    assert_eq!(simulated, "of calls to participant-0 for tx-0: Asked");
}

/// All that is needed is a no that is taken for a yes.
#[test]
fn an_order_that_breaks_something_is_made_as_short_as_goes() {
    let mut actions = vec![Action::Begin { t: 1, c: 0, commit: true }];
    actions.extend(a_yes_and(Choice::No));
    actions.push(Action::CrashParticipant { p: 1 });
    let order = ordered(Size { transactions: 2, ..ONE }, actions);
    let carry = |order: &Order| carry_beside::<bent::RollbackTakenAsYes>(order, Shipped).run;
    let shrunk = shrink_order(&order, Effort::default(), carry).expect("it breaks something");
    println!("{}\n{shrunk}", shrunk.summary());
    assert_eq!(shrunk.violation.invariant, carry(&order).violations[0].invariant);
    assert!(shrunk.smallest.actions.len() <= 5, "{shrunk}");
    assert_eq!((shrunk.smallest.size.transactions, shrunk.smallest.size.faults), (1, 0));
    let again: Order = shrunk.to_string().parse().expect("a file of its own");
    assert_eq!(again, shrunk.smallest);
    let run = carry(&again);
    assert_eq!((run.hash, run.violations), (shrunk.run.hash, shrunk.run.violations));
    let straight = |order: &Order| carry_beside::<Straight>(order, Shipped).run;
    assert!(shrink_order(&order, Effort::default(), straight).is_none(), "nothing is broken");
}

#[test]
fn a_doctored_disk_differs_when_the_power_comes_back() {
    let mut actions = a_yes_and(Choice::Yes);
    // Something that a crash takes, or the explorer has none.
    actions.push(Action::Begin { t: 1, c: 0, commit: true });
    actions.push(Action::CrashParticipant { p: 1 });
    let order = ordered(Size { transactions: 2, ..ONE }, actions);
    // How much of what was not synced it takes as well depends on the seed.
    let parted = (0..8)
        .find_map(|seed| parts::<planted::PrepareNeverSynced>(&Order { seed, ..order.clone() }));
    let (step, explored, simulated) = parted.expect("a disagreement");
    assert_eq!(step, 7);
    assert_eq!(explored, "the branch of tx-0 at participant-1 prepared");
    assert_eq!(simulated, "the branch of tx-0 at participant-1 ended without a trace");
}
