//! Stories of the explorer, carried over into the simulator: the same order of events, run by the
//! async coordinator.

use std::collections::BTreeMap;

use indoubt_sim::explore::{Reduction, Shipped, Size, System, Walks};
use indoubt_sim::scenario::Scenario;
use indoubt_sim::world::{Carried, run};

fn walk_over(size: Size, reduction: Reduction, walks: u64) {
    let system = System::new(Shipped, size, reduction).expect("a size in range");
    let plan = Walks { seed: std::env::var("SEED").map_or(1, |s| s.parse().unwrap()), walks, against_faults: 16 };
    let mut ends = BTreeMap::new();
    let mut steps = 0;
    for number in 0..walks {
        let story = system.walked(plan, number);
        steps += story.actions.len();
        let run = run(&Scenario::ordered(&story, number));
        if !run.violations.is_empty() {
            println!("walk {number}\n{story}\n{}", run.history.to_string().lines().filter(|l| !l.contains("began with")).map(|l| format!("{l}\n")).collect::<String>());
            for v in &run.violations {
                println!("VIOLATION {v}");
            }
            panic!("walk {number}");
        }
        if std::env::var("SHOW").is_ok() && story.actions.len() > 35 { println!("{}", run.history); }
        let end = match run.carried.expect("an order") {
            Carried::Through => "through".to_owned(),
            Carried::NotPossible { why, .. } => why.to_string(),
            other => panic!("{other}"),
        };
        *ends.entry(end).or_insert(0) += 1;
    }
    println!("{size} {reduction:?}: {steps} steps, {ends:#?}");
}

#[test]
fn walks() {
    for reduction in [Reduction::Full, Reduction::Plain] {
        walk_over(Size::new(1, 2, 1, 0), reduction, 200);
        walk_over(Size::new(1, 1, 1, 2), reduction, 200);
        walk_over(Size::new(1, 3, 1, 2), reduction, 200);
        walk_over(Size::new(1, 2, 2, 2), reduction, 200);
        walk_over(Size::new(2, 2, 2, 3), reduction, 200);
    }
}
