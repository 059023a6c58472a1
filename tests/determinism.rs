//! Same seed, same history: in one process, over threads, and in another process.

use std::process::Command;

use indoubt_sim::harness::run;
use indoubt_sim::scenario::Scenario;
use indoubt_sim::world::Run;

const SEEDS: std::ops::Range<u64> = 0..60;

/// Set, it makes the test binary print its hashes and nothing else.
const PRINT: &str = "INDOUBT_PRINT_HASHES";

fn hashes() -> Vec<String> {
    SEEDS.map(|seed| format!("{seed} {:016x}", run(&Scenario::from_seed(seed)).hash)).collect()
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
    for seed in SEEDS {
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
fn the_same_seed_in_another_process_is_the_same_run() {
    let test = "the_same_seed_in_another_process_is_the_same_run";
    if std::env::var_os(PRINT).is_some() {
        for line in hashes() {
            println!("hash {line}");
        }
        return;
    }
    let other = Command::new(std::env::current_exe().expect("the test's own binary"))
        .args(["--exact", test, "--nocapture"])
        .env(PRINT, "1")
        .output()
        .expect("a second process");
    let printed = String::from_utf8_lossy(&other.stdout);
    // The harness prints the test's name in front of the first line.
    let there: Vec<&str> =
        printed.lines().filter_map(|line| Some(line.split_once("hash ")?.1)).collect();
    assert_eq!(there, hashes());
}

#[test]
fn other_seeds_are_other_runs() {
    let mut hashes: Vec<_> =
        hashes().iter().filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), SEEDS.count());
}
