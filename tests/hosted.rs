//! A participant of one's own in the simulator: the ledger, hosted, with work and a claim of its own.

mod hosted {
    pub(crate) mod claim;
    pub(crate) mod entries;
    pub(crate) mod seated;
}
#[allow(dead_code, reason = "not every test uses all of it")]
mod ledger;

use hosted::claim::everywhere_or_nowhere;
use hosted::entries::Entries;
use hosted::seated::Ledgers;
use indoubt::Participant;
use indoubt_sim::harness::Harness;
use indoubt_sim::invariants::{Invariant, Violation};
use indoubt_sim::parts::Works;
use indoubt_sim::scenario::Scenario;
use indoubt_sim::workload::{GaveUp, Job, Workload};

const CLAIM: &str = "a number is in every ledger that it was to be in, or in none, and once";

macro_rules! ledgers {
    ($forgetful:literal) => {
        Harness::shipped()
            .host(Ledgers::<$forgetful>)
            .workload(Entries)
            .claim("everywhere_or_nowhere", CLAIM, everywhere_or_nowhere)
            .seeds(2_000)
    };
}

#[test]
fn ledgers_keep_every_invariant() {
    ledgers!(false).check();
}

#[test]
fn a_ledger_that_forgets_at_a_loss_of_power_is_caught() {
    let failure = ledgers!(true).caught().failure;
    let broken: Vec<_> = failure.violations.iter().map(|one| one.invariant.name()).collect();
    println!("{broken:?}");
    assert!(broken.contains(&"everywhere_or_nowhere") || broken.contains(&"no_orphans"));
}

/// What it finds at its opening is held against what it has told.
#[test]
fn what_was_prepared_is_missed_at_the_next_opening() {
    let harness = ledgers!(true);
    let lost = |one: &Violation| {
        one.invariant == Invariant::Durability && one.what.contains("is lost there")
    };
    let missed = |seed| harness.run(&Scenario::from_seed(seed)).violations.iter().any(lost);
    assert!((0..200).any(missed), "no crash between a prepare and its end in any run");
}

/// A claim is code of a user's own: its panic is a violation with a seed.
#[test]
fn a_claim_that_panics_is_broken() {
    let panics = |_: &_| panic!("of the claim's own making");
    let run = Harness::shipped().claim("mine", "nothing", panics).run(&Scenario::from_seed(1));
    let [violation] = &run.violations[..] else { panic!("{:?}", run.violations) };
    assert_eq!(violation.to_string(), "mine: the claim panics: of the claim's own making");
}

/// What does nothing proves nothing.
#[test]
#[should_panic(expected = "VACUOUS: in 20 runs nothing was committed")]
fn work_at_a_participant_that_is_not_there_is_vacuous() {
    Harness::shipped().host(Ledgers::<false>).workload(Nowhere).seeds(20).check();
}

#[derive(Clone)]
struct Nowhere;

impl<P: Participant<Branch: Works<Op = String>>> Workload<P> for Nowhere {
    async fn transact(&self, job: &Job<'_, P>) -> Result<(), GaveUp> {
        job.work(40, String::new()).await.map(drop)
    }
}

#[test]
fn a_hosted_run_is_the_same_run_again() {
    for seed in 0..20 {
        let scenario = Scenario::from_seed(seed);
        let (one, other) = (ledgers!(false).run(&scenario), ledgers!(false).run(&scenario));
        assert_eq!(one.history, other.history);
        assert_eq!(one.hash, other.hash);
    }
}

#[test]
fn a_claim_of_ones_own_has_its_name_in_the_verdict() {
    let never = |_: &_| Err("it was to be seen".to_owned());
    let run = Harness::shipped().claim("mine", "nothing", never).run(&Scenario::from_seed(1));
    let [violation] = &run.violations[..] else { panic!("{:?}", run.violations) };
    assert_eq!(violation.invariant, Invariant::Own("mine", "nothing"));
    assert_eq!(violation.to_string(), "mine: it was to be seen");
}
