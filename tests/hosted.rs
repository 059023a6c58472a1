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
use indoubt_sim::harness::Harness;
use indoubt_sim::invariants::Invariant;
use indoubt_sim::scenario::Scenario;

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
    let failure = ledgers!(true).caught();
    let broken: Vec<_> = failure.violations.iter().map(|one| one.invariant.name()).collect();
    println!("{broken:?}");
    assert!(broken.contains(&"everywhere_or_nowhere") || broken.contains(&"no_orphans"));
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
