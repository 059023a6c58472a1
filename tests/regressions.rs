//! Schedules that once broke an invariant. Each file in `tests/regressions` is a scenario that
//! says in its first line which invariant went wrong and how, as `cargo sim shrink` writes it, and is
//! named after what must not happen again.

use std::fs;
use std::path::Path;

use indoubt_sim::harness::run;
use indoubt_sim::invariants::Invariant;
use indoubt_sim::scenario::Scenario;

/// The invariants that the first line names; or what there is instead of one.
fn broken(text: &str) -> Result<Vec<Invariant>, &str> {
    let head = text.lines().next().and_then(|line| line.strip_prefix("# ")?.split_once(": "));
    let names = head.map_or("", |(names, _)| names).split(", ");
    let meant = |name| Invariant::ALL.into_iter().find(|one| one.name() == name).ok_or(name);
    names.map(meant).collect()
}

#[test]
fn a_head_names_what_broke() {
    let heads = ["# agreement: x\n", "# agreement, client_truth: tx 1:1 ..."];
    assert_eq!(heads.map(|head| broken(head).map(|named| named.len())), [Ok(1), Ok(2)]);
    assert_eq!(broken("# The run never ended: a crash"), Err("The run never ended"));
    assert_eq!(broken("# agreement, haste: x"), Err("haste"));
    for none in ["", "seed = 1\n# agreement: x", "# agreement", "#agreement: x"] {
        assert_eq!(broken(none), Err(""), "{none}");
    }
}

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
        let text = fs::read_to_string(&file).expect("a text file");
        if let Err(strange) = broken(&text) {
            panic!(
                "{name}: its first line has to be `# INVARIANT: what broke`, or `# ONE, ANOTHER: \
                 what broke`, and there is no invariant {strange:?}"
            );
        }
        let scenario: Scenario = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        let run = run(&scenario);
        assert_eq!(run.violations, [], "{name}: see `cargo sim replay --scenario {name}`");
    }
}
