//! What the environment asks of a test, and the line that asks it to replay a seed.

use std::env;
use std::path::Path;
use std::str::FromStr;

use crate::history::Tx;
use crate::scenario::Scenario;

/// What is asked for.
pub(super) struct Asked {
    pub(super) seed: Option<u64>,
    pub(super) seeds: Option<u64>,
    pub(super) scenario: Option<Scenario>,
    pub(super) tx: Option<Tx>,
    pub(super) html: Option<String>,
    pub(super) shrink: bool,
}

/// What the environment asks for.
///
/// # Panics
/// If it asks for something that cannot be.
pub(super) fn asked() -> Asked {
    let seeds = parsed("INDOUBT_SEEDS", &format!("a whole number from 1 to {}", u64::MAX));
    assert!(seeds != Some(0), "INDOUBT_SEEDS=0: that would search nothing");
    Asked {
        seed: parsed("INDOUBT_SEED", &format!("a whole number from 0 to {}", u64::MAX)),
        seeds,
        scenario: variable("INDOUBT_SCENARIO").map(|path| {
            let text = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("INDOUBT_SCENARIO={path} cannot be read: {error}"));
            text.parse().unwrap_or_else(|error| panic!("INDOUBT_SCENARIO={path}: {error}"))
        }),
        html: variable("INDOUBT_HTML"),
        shrink: parsed::<u8>("INDOUBT_SHRINK", "0 or 1") != Some(0),
        tx: parsed("INDOUBT_TX", "a transaction as the history names it, 1:3"),
    }
}

fn parsed<T: FromStr>(name: &str, expected: &str) -> Option<T> {
    let text = variable(name)?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} has to be {expected}")))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.is_empty())
}

/// The line that has the test, or the example, that runs now replay something, with this variable.
pub(super) fn line(variable: &str) -> String {
    let exe = env::current_exe().unwrap_or_default();
    let file = exe.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    // Cargo adds a hash to the name of what it tests.
    let (name, hashed) = match file.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 => (name, true),
        _ => (file.as_str(), false),
    };
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    let of_package = if package.is_empty() { String::new() } else { format!(" -p {package}") };
    let is_example = exe.parent().and_then(Path::file_name).is_some_and(|dir| dir == "examples");
    let target = match (is_example, name == package.replace('-', "_")) {
        (true, _) => format!("--example {name}"),
        (false, true) => "--lib".to_owned(),
        (false, false) => format!("--test {name}"),
    };
    if is_example {
        return format!("{variable} cargo run{of_package} {target}");
    }
    let rest = match std::thread::current().name() {
        Some(test) if hashed && test != "main" => format!("-- --exact {test} --nocapture"),
        _ => "-- --nocapture, and the name of the test that says this".to_owned(),
    };
    format!("{variable} cargo test{of_package} {target} {rest}")
}
