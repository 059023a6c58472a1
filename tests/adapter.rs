//! The shipped Postgres adapter, with the real client in it, in the simulator: at servers that speak the
//! protocol, under the faults of the swarm.
//!
//! `INDOUBT_SEEDS=1000` searches more; so does `cargo sim fuzz --participants postgres`.

use indoubt_sim::fuzz::{Budget, Report, Sweep, sweep};
use indoubt_sim::harness::{Shipped, run};
use indoubt_sim::history::Word;
use indoubt_sim::scenario::{Fault, FaultKind, MessageDeed, Scenario, Servers, When, Workload};

fn searched(seeds: u64, family: fn(u64) -> Scenario) -> Report {
    let seeds =
        std::env::var("INDOUBT_SEEDS").map_or(seeds, |more| more.parse().expect("a number"));
    let scenario = &|seed| family(seed).at(Servers::Postgres);
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

/// Whatever is said between the adapter and its servers can be struck, each way.
#[test]
fn every_message_of_the_protocol_is_known_on_the_wire() {
    let words = [
        Word::Prepare,
        Word::Vote,
        Word::Commit,
        Word::Acknowledgement,
        Word::OnePhase,
        Word::OnePhaseAnswer,
        Word::Abort,
        Word::List,
    ];
    for word in words {
        for deed in [MessageDeed::Lose, MessageDeed::Again, MessageDeed::Late] {
            let by_ms = if deed == MessageDeed::Late { 1_000 } else { 0 };
            let kind = FaultKind::Message { word, nth: 1, from: None, to: None, deed, by_ms };
            let of = |seed| {
                let mut reference = Scenario::reference(seed);
                if let Workload::Transfers { single_permille, overdraw_permille, .. } =
                    &mut reference.workload
                {
                    (*single_permille, *overdraw_permille) = (300, 300);
                }
                let fault =
                    Fault { when: When::At(0), for_ms: reference.heal_ms, kind: kind.clone() };
                Scenario { servers: Servers::Postgres, faults: vec![fault], ..reference }
            };
            let struck = (0..10).map(|seed| run(&of(seed))).find(|run| {
                assert!(run.violations.is_empty(), "{word:?}, {deed:?}: {:#?}", run.violations);
                run.faults.contains(&("segments aimed at", 1))
            });
            assert!(struck.is_some(), "VACUOUS: no {word:?} was struck");
        }
    }
}
