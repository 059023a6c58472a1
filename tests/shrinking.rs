//! What is planted is shown small.

#[allow(dead_code, unused_imports, reason = "those of traffic are looked at elsewhere")]
mod planted;

use indoubt_sim::bend::Bend;
use indoubt_sim::harness::Harness;
use indoubt_sim::scenario::Scenario;
use indoubt_sim::shrink::{Budget, Shrunk, shrink};

fn small<B: Bend>(family: fn(u64) -> Scenario, name: &str) -> Shrunk {
    let harness = Harness::shipped().bend::<B>().family(family).seeds(2_000);
    let failure = harness.search().failure.expect("it is caught");
    let scenario = family(failure.seed);
    let shrunk = shrink(&scenario, &harness, &[], Budget::default()).expect("it breaks");
    println!("{name}: {} ({} messages)\n{shrunk}", shrunk.summary(), shrunk.run.messages);
    shrunk
}

#[test]
fn plants() {
    small::<planted::CommitBeforeForce>(Scenario::from_seed, "CommitBeforeForce");
    small::<planted::DecisionNeverSynced>(Scenario::from_seed, "DecisionNeverSynced");
    small::<planted::ForgottenEarly>(Scenario::from_seed, "ForgottenEarly");
    small::<planted::RecoveryAbortsLive>(Scenario::from_seed, "RecoveryAbortsLive");
    small::<planted::TimeoutTakenAsYes>(Scenario::from_seed, "TimeoutTakenAsYes");
    small::<planted::PrepareNeverSynced>(Scenario::from_seed, "PrepareNeverSynced");
    small::<planted::PanicsAtTheForce>(Scenario::from_seed, "PanicsAtTheForce");
    small::<planted::AllIsOurs>(Scenario::from_seed, "AllIsOurs");
}

#[test]
fn traffic() {
    small::<planted::ReadersComeLast>(Scenario::traffic, "ReadersComeLast");
    small::<planted::ForgetsAreForced>(Scenario::traffic, "ForgetsAreForced");
    small::<planted::OneAtATime>(Scenario::traffic, "OneAtATime");
}
