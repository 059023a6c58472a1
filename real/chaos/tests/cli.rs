//! The command line: exit codes, and a history in a file that is judged again.

use std::path::PathBuf;
use std::process::{Command, Output};

use indoubt_chaos::judge::{read, write};
use indoubt_sim::history::{Entry, Event, History};

fn chaos(arguments: &[&str]) -> Output {
    let chaos = Command::new(env!("CARGO_BIN_EXE_indoubt-chaos")).args(arguments).output();
    chaos.expect("the program runs")
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn what_cannot_be_carried_out_is_told_apart_from_what_broke() {
    for wrong in [
        &["sweep", "--only", "17"][..],
        &["sweep", "--databases", "1"],
        &["soak", "--minutes", "some"],
        &["judge", "/there/is/no/such/file"],
        &["serve"],
    ] {
        let output = chaos(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(!output.stderr.is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_history_in_a_file_is_judged_again_and_drawn() {
    let run = Event::Run { participants: 2, calm: false, marked: true };
    let entry = |(at_us, event)| Entry { at_us, event };
    let history = |events: Vec<Event>| -> History { (0..).zip(events).map(entry).collect() };

    let held = file("held.jsonl");
    let rested = history(vec![run.clone(), Event::Quiesced]);
    write(&rested, &held).expect("it can be written");
    assert_eq!(read(&held).expect("it reads back"), rested);
    let page = file("held.html");
    let output =
        chaos(&["judge", held.to_str().expect("a text"), "--html", page.to_str().expect("a text")]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("NOT ASKED: nobody voted no"));
    assert!(std::fs::read_to_string(page).expect("it was drawn").contains("<html"));

    let broken = file("broken.jsonl");
    write(&history(vec![run, Event::Overran]), &broken).expect("it can be written");
    let output = chaos(&["judge", broken.to_str().expect("a text")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("BROKEN: termination"));
}
