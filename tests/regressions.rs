//! Schedules that once broke an invariant. Each file in `tests/regressions` is a scenario that
//! says at its head what went wrong, and is named after what must not happen again.

use std::fs;
use std::path::Path;

use indoubt_sim::harness::run;
use indoubt_sim::scenario::Scenario;

#[test]
fn what_once_broke_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/regressions");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|file| file.expect("it is readable").path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no schedule in {}", folder.display());
    for file in files {
        let name = file.display();
        let scenario: Scenario = fs::read_to_string(&file)
            .expect("a text file")
            .parse()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let run = run(&scenario);
        assert_eq!(run.violations, [], "{name}: see `cargo sim replay --scenario {name}`");
    }
}
