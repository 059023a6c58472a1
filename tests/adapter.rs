//! The shipped Postgres adapter, with the real client in it, in the simulator: at servers that speak the
//! protocol, under the faults of the swarm.
//!
//! `INDOUBT_SEEDS=1000` searches more; so does `cargo sim fuzz --participants postgres`.

use indoubt_sim::fuzz::{Budget, Report, Sweep, sweep};
use indoubt_sim::harness::Shipped;
use indoubt_sim::scenario::{Scenario, Servers};

fn searched(seeds: u64, family: fn(u64) -> Scenario) -> Report {
    let seeds =
        std::env::var("INDOUBT_SEEDS").map_or(seeds, |more| more.parse().expect("a number"));
    let scenario = &|seed| Scenario { servers: Servers::Postgres, ..family(seed) };
    let (budget, jobs) = (Budget::Seeds(seeds), 2);
    sweep(Sweep { first_seed: 0, budget, jobs, scenario, claims: &[] }, &Shipped, || {})
}

#[test]
fn the_shipped_adapter_keeps_every_invariant() {
    let report = searched(80, Scenario::from_seed);
    assert!(report.failure.is_none(), "{:#?}", report.failure);
    for outcome in [
        "answered committed",
        "answered committed, some pending",
        "answered aborted",
        "answered in doubt",
        "votes of no",
        "read-only votes",
        "one-phase commits",
        "branches committed by recovery",
        "branches rolled back by recovery",
        "decisions found at an opening",
    ] {
        assert!(report.reach.has_seen(outcome), "VACUOUS: never {outcome}\n{}", report.reach);
    }
}
