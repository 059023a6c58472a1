//! Golden exchanges: what happens between a coordinator and its participants, told line by line.
//!
//! Each file in `tests/exchanges` is a scenario and the history that comes of it, to be read as a
//! tutorial of the protocol. `INDOUBT_EXCHANGES=write cargo test --test exchanges` writes the
//! histories anew: read what has changed before you keep it.

use std::fs;
use std::path::Path;

use indoubt_sim::harness::run;
use indoubt_sim::history::History;
use indoubt_sim::scenario::Scenario;

/// Between the scenario and the history.
const RULE: &str = "\n# ---- what happens ----\n";

/// What to make of a line that is another one.
const CHANGED: &str = "A changed exchange is a changed protocol, or a changed world around it: a message more is \
                       one that every commit pays for, a message or a force less may be one that is missing. Write \
                       it anew only when you know which.";

/// What concerns the one transaction that an exchange is about.
fn told(history: &History) -> String {
    let [tx] = history.txs()[..] else { panic!("an exchange has one transaction") };
    history.of(tx).to_string()
}

#[test]
fn exchanges_are_as_they_are_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchanges");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|file| file.expect("it is readable").path())
        .collect();
    files.sort();
    assert!(files.len() >= 5, "exchanges are missing from {}", folder.display());
    for file in files {
        let (name, text) = (file.display(), fs::read_to_string(&file).expect("a text file"));
        let (head, expected) = text.split_once(RULE).unwrap_or((&text, ""));
        let scenario: Scenario = head.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        let run = run(&scenario);
        assert_eq!(run.violations, [], "{name}");
        let told = told(&run.history);
        if std::env::var_os("INDOUBT_EXCHANGES").is_some_and(|wish| wish == "write") {
            fs::write(&file, format!("{head}{RULE}{told}")).expect("it can be written");
        } else {
            let lines = told.lines().zip(expected.lines());
            if let Some((now, before)) = lines.clone().find(|(now, before)| now != before) {
                panic!("{name}: it was told\n{before}\nand now happens\n{now}\n{CHANGED}");
            }
            assert_eq!(
                told.lines().count(),
                expected.lines().count(),
                "{name}: another length\n{CHANGED}"
            );
        }
    }
}
