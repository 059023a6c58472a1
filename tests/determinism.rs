//! Same seed, same history: in one process and in another, over threads, in whatever order, and alone.
//!
//! `INDOUBT_SEEDS=10000` compares more.

use std::process::Command;

use indoubt_sim::harness::run;
use indoubt_sim::scenario::{Scenario, Servers};
use indoubt_sim::world::Run;

/// Set to seeds, it makes the test binary print their hashes, in this order, and nothing else.
const PRINT: &str = "INDOUBT_PRINT_HASHES";

fn seeds() -> std::ops::Range<u64> {
    let seeds = std::env::var("INDOUBT_SEEDS").map(|seeds| seeds.parse().expect("a number"));
    0..seeds.unwrap_or(60)
}

/// Of every sixth seed also with the shipped adapter, whose client counts its statements over all runs
/// of a process.
fn hash(seed: u64) -> String {
    let scenario = Scenario::from_seed(seed);
    let simulated = run(&scenario).hash;
    if !seed.is_multiple_of(6) {
        return format!("{seed} {simulated:016x}");
    }
    let adapter = run(&scenario.at(Servers::Postgres)).hash;
    format!("{seed} {simulated:016x} {adapter:016x}")
}

fn hashes() -> Vec<String> {
    seeds().map(hash).collect()
}

/// What another process makes of these seeds, in this order.
fn elsewhere(seeds: impl Iterator<Item = u64>) -> Vec<String> {
    let seeds: Vec<_> = seeds.map(|seed| seed.to_string()).collect();
    let other = Command::new(std::env::current_exe().expect("the test's own binary"))
        .args(["--exact", "hashes_are_printed_for_another_process", "--nocapture"])
        .env(PRINT, seeds.join(","))
        .output()
        .expect("a second process");
    let printed = String::from_utf8_lossy(&other.stdout);
    // The harness prints the test's name in front of the first line.
    printed.lines().filter_map(|line| Some(line.split_once("hash ")?.1.to_owned())).collect()
}

/// The first event that differs is what one wants to know.
fn assert_same(first: &Run, second: &Run) {
    let pairs = first.history.entries().iter().zip(second.history.entries());
    if let Some((one, other)) = pairs.into_iter().find(|(one, other)| one != other) {
        panic!("the histories part at\n{one}\n{other}");
    }
    assert_eq!(first.history.entries().len(), second.history.entries().len());
    assert_eq!(first.hash, second.hash, "the histories are equal, but messages or disks differed");
}

#[test]
fn the_same_seed_twice_in_one_process_is_the_same_run() {
    for seed in seeds() {
        let scenario = Scenario::from_seed(seed);
        assert_same(&run(&scenario), &run(&scenario));
    }
}

#[test]
fn the_same_seed_on_other_threads_is_the_same_run() {
    let here = hashes();
    std::thread::scope(|scope| {
        let there: Vec<_> = (0..2).map(|_| scope.spawn(hashes)).collect();
        for thread in there {
            assert_eq!(thread.join().expect("the runs end"), here);
        }
    });
}

#[test]
fn hashes_are_printed_for_another_process() {
    for seed in std::env::var(PRINT).iter().flat_map(|seeds| seeds.split(',')) {
        println!("hash {}", hash(seed.parse().expect("a seed")));
    }
}

#[test]
fn the_same_seed_in_another_process_and_backwards_is_the_same_run() {
    let mut there = elsewhere(seeds().rev());
    there.reverse();
    assert_eq!(there, hashes());
}

#[test]
fn the_same_seed_alone_in_its_process_is_the_same_run() {
    for (seed, here) in seeds().zip(hashes()) {
        assert_eq!(elsewhere(std::iter::once(seed)), [here]);
    }
}

#[test]
fn other_seeds_are_other_runs() {
    let mut hashes: Vec<_> =
        hashes().iter().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), seeds().count());
}
