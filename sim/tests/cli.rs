//! The command line as a user meets it: what it prints, and how it exits.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};

fn sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_indoubt-sim")).args(args).output().expect("the binary runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The scenario at the head of what `replay` prints.
fn scenario_of(printed: &str) -> String {
    let lines: Vec<_> = printed.lines().take_while(|line| !line.contains(" ms  ")).collect();
    lines.join("\n")
}

/// Refused with exit code 2, and a message that has this in it.
fn refused(args: &[&str], saying: &str) {
    let output = sim(args);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
    assert!(error.contains(saying), "{args:?}: {error}");
}

#[test]
fn bad_input_is_refused_with_what_to_do() {
    refused(&["replay", "twelve"], "a seed is a whole number");
    refused(&["replay", "-1"], "a seed is a whole number");
    refused(&["replay", "99999999999999999999"], "a seed is a whole number");
    refused(&["replay"], "<SEED|--scenario <FILE>>");
    refused(&["fuzz", "--seeds", "0"], "0 is not in 1..");
    refused(&["fuzz", "--jobs", "0"], "0 is not in 1..");
    refused(&["fuzz", "--frobnicate"], "unexpected argument");
    refused(&["fuzz", "--seeds", "10", "--time", "1"], "cannot be used with");
    refused(
        &["fuzz", "--seeds", "2", "--first-seed", "18446744073709551615"],
        "pass the largest seed",
    );
    refused(&["replay", "--scenario", "/nonexistent/scenario"], "cannot be read");
}

#[test]
fn a_scenario_that_cannot_be_run_is_refused() {
    let file = std::env::temp_dir().join(format!("indoubt-scenario-{}.toml", std::process::id()));
    let path = file.to_str().expect("a temporary path is text");
    let printed = stdout(&sim(&["replay", "3"]));
    let scenario = scenario_of(&printed);
    let with = |line: &str| {
        let key = line.split('=').next().expect("a line has a key");
        let swapped = |old| if str::starts_with(old, key) { line } else { old };
        let changed = scenario.lines().map(swapped).collect::<Vec<_>>().join("\n");
        assert_ne!(changed, scenario, "{line} changes nothing");
        std::fs::write(&file, changed).expect("a temporary file");
    };
    with("participants = 1");
    refused(&["replay", "--scenario", path], "participants = 1 cannot be run");
    with("transactions = 3\nnumbers = [7, 4, 9]");
    refused(&["replay", "--scenario", path], "numbers = [7, 4, 9] cannot be run");
    with("seed = 3\ncolour = \"blue\"");
    refused(&["replay", "--scenario", path], "colour");
    with("seed = \"three\"");
    refused(&["replay", "--scenario", path], "expected u64");
    std::fs::remove_file(&file).expect("it was written");
}

#[test]
fn a_fault_that_cannot_begin_is_refused() {
    let file = std::env::temp_dir().join(format!("indoubt-fault-{}.toml", std::process::id()));
    let path = file.to_str().expect("a temporary path is text");
    let scenario = scenario_of(&stdout(&sim(&["replay", "3", "--family", "reference"])));
    let (before, _) = scenario.split_once("[[fault]]").expect("the reference has faults");
    let with = |fault: &str| {
        let text = format!("{before}[[fault]]\n{fault}\nfor_ms = 5\n");
        std::fs::write(&file, text).expect("a temporary file");
    };
    let crash = "kind = \"crash\"\nplace = \"coordinator-0\"";
    with(&format!("on = {{ event = \"force\", nth = 3 }}\nafter_us = 20\n{crash}"));
    let output = sim(&["replay", "--scenario", path]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains("event = \"force\""), "it is printed as it was read");
    for (fault, saying) in [
        (crash.to_owned(), "a fault begins `at_ms"),
        (format!("at_ms = 1\nafter_us = 1\n{crash}"), "choose one"),
        (format!("on = {{ event = \"force\" }}\n{crash}"), "nth"),
        (format!("on = {{ event = \"fork\", nth = 1 }}\n{crash}"), "fork"),
        (format!("on = {{ event = \"force\", nth = 0 }}\n{crash}"), "nth = 0 cannot be run"),
        (
            format!("on = {{ event = \"vote\", at = \"coordinator-0\", nth = 1 }}\n{crash}"),
            "not seen there",
        ),
        (format!("at_ms = 1\ncolour = \"blue\"\n{crash}"), "colour"),
        (
            "at_ms = 1\nkind = \"message\"\nword = \"shout\"\nnth = 1\ndeed = \"lose\"\nby_ms = 0"
                .into(),
            "shout",
        ),
    ] {
        with(&fault);
        refused(&["replay", "--scenario", path], saying);
    }
    std::fs::remove_file(&file).expect("it was written");
}

#[test]
fn a_crash_at_every_step_of_a_run_breaks_nothing() {
    let file = std::env::temp_dir().join(format!("indoubt-sweep-{}.toml", std::process::id()));
    let path = file.to_str().expect("a temporary path is text");
    // A short one: two transactions, and nothing else that fails.
    let scenario = scenario_of(&stdout(&sim(&["replay", "1", "--family", "reference"])));
    let (calm, _) = scenario.split_once("[[fault]]").expect("the reference has faults");
    let short = calm.replace("transactions = 20\n", "transactions = 2\n");
    assert_ne!(short, calm);
    std::fs::write(&file, short).expect("a temporary file");
    let output = sim(&["sweep", "--scenario", path, "--pairs", "50"]);
    let printed = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    let steps = |place: &str| -> u32 {
        let line = printed.lines().find(|line| line.ends_with(place)).expect("it is told");
        let count = line.split_whitespace().next().expect("a count");
        count.parse().expect("a number")
    };
    // Messages of two transactions at two participants each, and the syncs of an opening.
    assert!(steps("coordinator-0") > 30 && steps("participant-0") > 10, "{printed}");
    assert!(printed.contains("50 twice"), "{printed}");
    std::fs::remove_file(&file).expect("it was written");
    refused(&["sweep"], "SEED");
    refused(&["sweep", "--scenario", "/nonexistent/scenario"], "cannot be read");
}

#[test]
fn a_printed_scenario_replays_to_the_same_trace() {
    let by_seed = sim(&["replay", "5"]);
    assert_eq!(by_seed.status.code(), Some(0), "{}", stdout(&by_seed));
    let printed = stdout(&by_seed);
    let scenario = scenario_of(&printed);
    let file = std::env::temp_dir().join(format!("indoubt-replay-{}.toml", std::process::id()));
    std::fs::write(&file, scenario).expect("a temporary file");
    let by_file = sim(&["replay", "--scenario", file.to_str().expect("a temporary path is text")]);
    assert_eq!(stdout(&by_file), printed);
    std::fs::remove_file(&file).expect("it was written");
}

/// A file of its own, gone with the test.
struct Temporary(std::path::PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let name = format!("indoubt-{name}-{}.toml", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a temporary path is text")
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.0);
    }
}

/// What ships keeps every invariant; what it cannot keep is that all comes to rest in less time than
/// it takes to see that.
fn that_breaks_termination(name: &str) -> Temporary {
    let scenario = scenario_of(&stdout(&sim(&["replay", "3", "--family", "reference"])));
    let broken = scenario.replace("recovery_ms = 300\n", "recovery_ms = 60000\n");
    assert_ne!(broken, scenario);
    let file = Temporary::new(name);
    std::fs::write(&file.0, broken).expect("a temporary file");
    file
}

/// The line of it that begins so.
fn line<'a>(printed: &'a str, begins: &str) -> &'a str {
    let line = printed.lines().find(|line| line.starts_with(begins));
    line.unwrap_or_else(|| panic!("no {begins} in\n{printed}"))
}

#[test]
fn what_breaks_an_invariant_is_shrunk_to_a_file_that_replays() {
    let (broken, small) = (that_breaks_termination("broken"), Temporary::new("small"));
    let printed = sim(&["shrink", "--scenario", broken.path()]);
    assert_eq!(printed.status.code(), Some(0));
    let text = stdout(&printed);
    assert!(text.starts_with("# termination: "), "{text}");
    let told = String::from_utf8_lossy(&printed.stderr);
    let expected = "from 6 faults, 20 transactions, 4 clients, 3 participants to 0 faults, 1 \
                    transaction, 1 client, 2 participants, in ";
    assert!(told.contains(expected), "{told}");
    let written = sim(&["shrink", "--scenario", broken.path(), "--output", small.path()]);
    assert!(stdout(&written).contains(&format!("cargo sim replay --scenario {}", small.path())));
    assert_eq!(std::fs::read_to_string(small.path()).expect("it was written"), text);
    let replayed = sim(&["replay", "--scenario", small.path()]);
    assert_eq!(replayed.status.code(), Some(1));
    assert_eq!(line(&stdout(&replayed), "VIOLATION")[10..], text.lines().next().expect("one")[2..]);
}

#[test]
fn what_cannot_be_shrunk_is_refused() {
    refused(&["shrink"], "SEED");
    refused(&["shrink", "3", "--family", "reference"], "there is nothing to shrink");
    refused(&["shrink", "--scenario", "/nonexistent/scenario"], "cannot be read");
    let broken = that_breaks_termination("unwritten");
    let nowhere = "/nonexistent/small.toml";
    refused(&["shrink", "--scenario", broken.path(), "--output", nowhere], "cannot be written");
}

/// What a sweep finds, as what a fuzz finds, is shrunk at once.
#[test]
fn what_is_found_is_shrunk_at_once_and_kept() {
    let broken = that_breaks_termination("swept");
    let scenario = std::fs::read_to_string(broken.path()).expect("it was written");
    let (calm, _) = scenario.split_once("[[fault]]").expect("the reference has faults");
    let short = calm.replace("transactions = 20\n", "transactions = 1\n");
    std::fs::write(&broken.0, short).expect("a temporary file");
    let output = sim(&["sweep", "--scenario", broken.path(), "--pairs", "1"]);
    let printed = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    line(&printed, "shrunk from 1 fault, 1 transaction");
    line(&printed, "# termination: ");
    let replay = printed.lines().last().expect("a line");
    let (_, kept) = replay.split_once("cargo sim replay --scenario ").expect("how to replay it");
    assert_eq!(sim(&["replay", "--scenario", kept]).status.code(), Some(1));
    let without = sim(&["fuzz", "--seeds", "2", "--no-shrink"]);
    assert_eq!(without.status.code(), Some(0));
}

#[test]
fn the_same_run_in_two_fresh_processes_is_the_same() {
    let checked = sim(&["replay", "5", "--check"]);
    let replayed = stdout(&sim(&["replay", "5"]));
    assert_eq!(checked.status.code(), Some(0));
    let trace = line(&replayed, "trace ");
    let printed = stdout(&checked);
    assert_eq!(printed, format!("the same history twice, {trace}\nevery invariant held\n"));
    let broken = that_breaks_termination("checked");
    let checked = sim(&["replay", "--check", "--scenario", broken.path()]);
    assert_eq!(checked.status.code(), Some(1));
    line(&stdout(&checked), "VIOLATION termination: ");
    refused(&["replay", "5", "--check", "--json"], "cannot be used with");
    refused(&["replay", "--check", "--scenario", "/nonexistent/scenario"], "cannot be read");
}

#[test]
fn json_is_one_object_with_the_whole_run() {
    let output = sim(&["replay", "5", "--family", "reference", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["scenario"]["seed"], 5);
    assert_eq!(json["violations"], serde_json::json!([]));
    assert!(
        json["history"].as_array().expect("a list").iter().any(|entry| entry["event"] == "decided")
    );
}

#[test]
fn fuzz_reports_what_it_reached() {
    let output = sim(&["fuzz", "--seeds", "30", "--jobs", "2"]);
    let printed = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for expected in ["30 runs", "answered committed", "messages lost", "every invariant held"] {
        assert!(printed.contains(expected), "{expected} in\n{printed}");
    }
}

#[test]
fn a_run_that_is_followed_is_replayed_as_it_was_fuzzed() {
    let fuzzed = sim(&["fuzz", "--seeds", "5", "--follow"]);
    assert_eq!(fuzzed.status.code(), Some(0));
    assert!(stdout(&fuzzed).contains("the explorer allows all of it"));
    let replayed = sim(&["replay", "3", "--follow"]);
    assert_eq!(replayed.status.code(), Some(0));
    assert!(stdout(&replayed).contains("every invariant held"));
}

#[test]
fn explore_says_what_it_covered() {
    let output = sim(&["explore", "--participants", "2", "--faults", "0"]);
    let printed = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for expected in ["1x2x1, 0 faults: exhausted", "every invariant held", "a commit by recovery"] {
        assert!(printed.contains(expected), "{expected} in\n{printed}");
    }
    refused(&["explore", "--participants", "4"], "participants must be from 1 to 3, not 4");
    refused(&["explore", "--replay", "/nonexistent/story"], "/nonexistent/story");
}

#[test]
fn a_story_is_carried_over_into_the_simulator() {
    let file = std::env::temp_dir().join(format!("indoubt-story-{}.json", std::process::id()));
    let path = file.to_str().expect("a temporary path is text");
    let story = r#"{
        "size": { "transactions": 1, "participants": 2, "coordinators": 1, "faults": 0 },
        "actions": [
            { "begin": { "t": 0, "c": 0, "commit": true } },
            { "give_up": { "t": 0, "p": 1, "from": "transaction" } },
            { "arrive": { "t": 0, "p": 1, "from": { "nobody": "prepare" }, "choice": "yes", "twice": false } }
        ],
        "settling": [],
        "broken": null
    }"#;
    std::fs::write(&file, story).expect("a temporary file");
    let told = sim(&["explore", "--replay", path, "--simulate"]);
    let printed = stdout(&told);
    assert_eq!(told.status.code(), Some(0), "{printed}");
    for expected in ["a late prepare reaches", "participant-1 votes yes", "followed to its end"] {
        assert!(printed.contains(expected), "{expected} in\n{printed}");
    }
    let scenario = format!("{path}.toml");
    let again = sim(&["replay", "--scenario", &scenario]);
    assert_eq!(again.status.code(), Some(0));
    let trace =
        |printed: &str| printed.lines().find(|line| line.starts_with("trace")).map(str::to_owned);
    assert_eq!(trace(&stdout(&again)), trace(&printed));
    refused(&["explore", "--simulate"], "--replay");
    std::fs::remove_file(&file).expect("it was written");
    std::fs::remove_file(&scenario).expect("it was written");
}

#[test]
fn pictures_are_written_and_what_cannot_be_drawn_is_refused() {
    let file = std::env::temp_dir().join(format!("indoubt-picture-{}.html", std::process::id()));
    let path = file.to_str().expect("a temporary path is text");
    let drawn =
        sim(&["replay", "3", "--family", "reference", "--tx", "1:1", "--columns", "--html", path]);
    let printed = stdout(&drawn);
    assert_eq!(drawn.status.code(), Some(0), "{printed}");
    for expected in ["DECIDED to commit 1:1", "┃", "every invariant held", path] {
        assert!(printed.contains(expected), "{expected} in\n{printed}");
    }
    let page = std::fs::read_to_string(&file).expect("it was written");
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("seed 3, tx 1:1 only"));
    std::fs::remove_file(&file).expect("it was written");
    let piped =
        stdout(&sim(&["replay", "3", "--family", "reference", "--tx", "1:1", "--mermaid", "-"]));
    assert!(piped.starts_with("sequenceDiagram\n"), "{piped}");
    refused(&["replay", "3", "--family", "traffic", "--mermaid", "-"], "--tx 1:3");
    refused(&["replay", "3", "--json", "--mermaid", "-"], "drop --json");
    refused(&["replay", "3", "--html", "/nonexistent/page.html"], "cannot be written");
    refused(&["explore", "--html", path], "--simulate");
}

/// Standard output on a full disk.
fn into_a_full_disk(args: &[&str]) {
    let full = File::create("/dev/full").expect("a device on which nothing fits");
    let output = Command::new(env!("CARGO_BIN_EXE_indoubt-sim"))
        .args(args)
        .stdout(full)
        .output()
        .expect("the binary runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
    assert!(error.contains("the output cannot be written: No space left"), "{args:?}: {error}");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    into_a_full_disk(&["replay", "5"]);
    into_a_full_disk(&["replay", "5", "--json"]);
    into_a_full_disk(&["fuzz", "--seeds", "3", "--jobs", "1"]);
    into_a_full_disk(&["explore", "--participants", "2", "--faults", "0"]);
    into_a_full_disk(&["--help"]);
}

/// Standard output to a reader that goes away after the first line.
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    for args in [&["replay", "5"][..], &["replay", "5", "--json"], &["fuzz", "--seeds", "3"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_indoubt-sim"))
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let stdout = child.stdout.take().expect("it is piped");
        let mut reader = BufReader::with_capacity(16, stdout);
        reader.fill_buf().expect("something is printed");
        drop(reader);
        let output = child.wait_with_output().expect("it ends");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {error}");
        assert!(!error.contains("error"), "{args:?}: {error}");
    }
}
