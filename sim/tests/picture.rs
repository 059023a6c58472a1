//! Pictures of runs, held against the grammars of those who read them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use indoubt_sim::harness::run;
use indoubt_sim::history::{Ask, Entry, Event, Heard, History, Place, Tx, VoteKind};
use indoubt_sim::invariants::{Invariant, Violation, verdict};
use indoubt_sim::picture::columns::Columns;
use indoubt_sim::picture::mermaid::{MOST_CHARACTERS, MOST_MESSAGES, diagram};
use indoubt_sim::picture::page::page;
use indoubt_sim::picture::perfetto::trace;
use indoubt_sim::picture::{BarKind, End, Picture};
use indoubt_sim::scenario::Scenario;
use serde_json::Value;

const BY: Place = Place::Coordinator(0);
const TX: Tx = Tx { epoch: 1, sequence: 1 };

fn of_seed(seed: u64) -> (History, Picture) {
    let scenario = Scenario::from_seed(seed);
    let run = run(&scenario);
    let picture = Picture::of("a run", &scenario.to_string(), &run.history, &run.violations);
    (run.history, picture)
}

fn history(events: impl IntoIterator<Item = Event>) -> History {
    (0..).zip(events).map(|(n, event)| Entry { at_us: n * 1_000, event }).collect()
}

/// One branch commits and one rolls back; an answer comes late, and one request is lost.
fn torn() -> History {
    let asked = |p, ask| Event::Asked { tx: TX, p, by: BY, ask };
    let ended =
        |p, committed| Event::Ended { tx: TX, p, committed, one_phase: false, by_recovery: false };
    let voted = |p| Event::Voted { tx: TX, p, vote: VoteKind::Yes };
    history([
        Event::Began { tx: TX, by: BY },
        asked(0, Ask::Prepare),
        asked(1, Ask::Prepare),
        voted(0),
        Event::Heard { tx: TX, p: 0, by: BY, ask: Ask::Prepare, heard: Heard::Yes },
        Event::GaveUp { tx: TX, p: 1, by: BY, ask: Ask::Prepare },
        voted(1),
        Event::Decided { tx: TX },
        asked(0, Ask::Commit),
        asked(1, Ask::Abort),
        ended(0, true),
        ended(1, false),
        asked(0, Ask::Inquire),
        Event::Crashed { place: BY },
        Event::Disagreed { step: 1, what: "</script><b>&\"'# ; \u{2028}<!--".to_owned() },
    ])
}

fn torn_picture() -> Picture {
    let history = torn();
    Picture::of("</title> & torn", "text = \"</pre>\"", &history, &verdict(&history, &[]))
}

#[test]
fn messages_end_as_the_history_has_it() {
    let picture = torn_picture();
    let told: Vec<_> =
        picture.messages.iter().map(|one| (one.asked, one.done, one.closed, one.end)).collect();
    let expected = [
        (1, Some(3), Some(4), End::Heard),
        (2, Some(6), Some(5), End::GaveUp),
        (8, Some(10), Some(13), End::Died),
        (9, Some(11), Some(13), End::Died),
        (12, None, Some(13), End::Died),
    ];
    assert_eq!(told, expected);
    let prepared = |bar: &&indoubt_sim::picture::Bar| bar.kind == BarKind::Prepared;
    let prepared: Vec<_> =
        picture.bars.iter().filter(prepared).map(|bar| (bar.from, bar.until)).collect();
    assert_eq!(prepared, [(3, Some(10)), (6, Some(11))]);
}

#[test]
fn a_violation_is_where_it_became_true() {
    let picture = torn_picture();
    let mark = |name: &str| {
        let of = picture.verdicts.iter().find(|verdict| verdict.invariant == name);
        of.unwrap_or_else(|| panic!("{name} is not broken")).mark
    };
    assert_eq!(mark("agreement"), 11);
    assert_eq!(mark("as_explored"), 14);
    let history = torn();
    let said = |invariant, what: &str| Violation { invariant, what: what.to_owned() };
    let own = said(Invariant::Own("mine", "it is so"), "tx 1:1 is not to my liking");
    let rest = said(Invariant::Termination, "no end");
    let marks = Picture::of("", "", &history, &[own, rest]).verdicts;
    assert_eq!(marks.iter().map(|one| one.mark).collect::<Vec<_>>(), [12, 14]);
}

#[test]
fn every_request_of_a_run_has_an_end_or_outlives_it() {
    for seed in 0..60 {
        let (history, picture) = of_seed(seed);
        assert_eq!(history.entries().len(), picture.marks.len());
        let asked = history.events().filter(|event| matches!(event, Event::Asked { .. })).count();
        assert_eq!(asked, picture.messages.len(), "seed {seed}");
        for one in &picture.messages {
            assert!(one.done.is_none_or(|done| one.asked < done), "seed {seed}: {one:?}");
            assert!(one.closed.is_none_or(|closed| one.asked < closed), "seed {seed}: {one:?}");
        }
        assert!(picture.bars.iter().all(|bar| bar.until.is_none_or(|until| bar.from <= until)));
    }
}

#[test]
fn one_transaction_is_drawn_alone() {
    let (history, picture) = of_seed(3);
    let only = picture.only(TX, &history);
    assert!(!only.messages.is_empty());
    assert!(only.marks.len() < picture.marks.len());
    for message in &only.messages {
        assert_eq!(only.marks[message.asked].tx, Some(TX));
        assert!(message.done.is_none_or(|done| only.marks[done].tx == Some(TX)));
    }
    assert!(only.marks.iter().all(|mark| mark.tx.is_none_or(|tx| tx == TX)));
}

#[test]
fn columns_show_what_comes_to_nothing() {
    let text = Columns(&torn_picture()).to_string();
    for expected in [
        "╳",
        "DECIDED to commit 1:1",
        "✓ yes 1:1",
        "gives up: prepare",
        "VIOLATION agreement",
        "┃",
        "┼",
    ] {
        assert!(text.contains(expected), "{expected} in\n{text}");
    }
}

/// One of the statements that are used here.
fn is_statement(line: &str, ids: &[String]) -> bool {
    let Some((head, text)) = line.trim_start().split_once(": ") else { return false };
    let known = |id: &str| ids.iter().any(|known| known == id);
    let escaped = |text: &str| {
        let rest =
            ["#35;", "#59;", "#lt;", "#gt;"].iter().fold(text.to_owned(), |t, e| t.replace(e, ""));
        !rest.contains(['#', ';', '<', '>'])
    };
    let known_head = head.strip_prefix("Note over ").map_or_else(
        || {
            let arrows = ["-->>", "->>", "--x", "-x"];
            let ends = arrows.iter().find_map(|arrow| head.split_once(arrow));
            ends.is_some_and(|(from, to)| known(from) && known(to))
        },
        |over| over.split(',').all(known),
    );
    known_head && !text.is_empty() && escaped(text)
}

#[test]
fn a_diagram_keeps_to_its_grammar_and_its_limits() {
    let (mut drawn, mut refused) = (0, 0);
    let pictures = (0..40).map(|seed| of_seed(seed).1);
    for picture in pictures.chain([torn_picture()]) {
        let Ok(text) = diagram(&picture) else {
            refused += 1;
            continue;
        };
        drawn += 1;
        assert!(text.chars().count() <= MOST_CHARACTERS);
        assert!(text.matches("->>").count() <= MOST_MESSAGES);
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("sequenceDiagram"));
        let mut ids = Vec::new();
        for line in lines {
            if let Some(declared) = line.trim_start().strip_prefix("participant ") {
                let (id, _) = declared.split_once(" as ").expect("a name and what is shown");
                ids.push(id.to_owned());
            } else {
                assert!(is_statement(line, &ids), "{line}");
            }
        }
    }
    assert!(drawn > 5);
    let many = (0..500).map(|_| Event::Asked { tx: TX, p: 0, by: BY, ask: Ask::Prepare });
    let error = diagram(&Picture::of("", "", &history(many), &[])).expect_err("it is too large");
    assert!(error.to_string().contains("--tx 1:3"), "{error}; {refused} were refused before");
}

/// The documented keys of an event, and how it goes with others.
fn check_trace(trace: &Value, picture: &Picture) {
    let events = trace["traceEvents"].as_array().expect("a list");
    let (mut open, mut flows) = (BTreeMap::new(), BTreeMap::new());
    let named = events.iter().filter(|event| event["name"] == "process_name");
    let pids: Vec<_> = named.map(|event| event["pid"].as_u64().expect("a number")).collect();
    assert_eq!(pids.len(), picture.lanes.len());
    for event in events {
        let phase = event["ph"].as_str().expect("a phase");
        assert!(event["name"].is_string() && event["tid"].is_u64(), "{event}");
        assert!(pids.contains(&event["pid"].as_u64().expect("a process")), "{event}");
        assert_eq!(event["ts"].is_u64(), phase != "M", "{event}");
        let ts = event["ts"].as_u64().unwrap_or_default();
        let key = format!("{} {} {}", event["cat"], event["id"], event["name"]);
        match phase {
            "M" => assert!(event["args"].is_object()),
            "X" => assert!(event["dur"].is_u64()),
            "i" => assert!(["g", "p", "t"].contains(&event["s"].as_str().expect("a scope"))),
            "b" => assert_eq!(open.insert(key, ts), None, "{event}"),
            "e" => assert!(open.remove(&key).is_some_and(|began| began <= ts), "{event}"),
            "s" => assert_eq!(flows.insert(key, ts), None, "{event}"),
            "f" => assert!(flows.remove(&key).is_some_and(|began| began <= ts), "{event}"),
            other => panic!("{other} is no phase that is written here"),
        }
    }
    assert!(open.is_empty() && flows.is_empty(), "{open:?} {flows:?}");
}

#[test]
fn a_trace_keeps_to_its_grammar() {
    for picture in (0..40).map(|seed| of_seed(seed).1).chain([torn_picture()]) {
        let text = trace(&picture).to_string();
        check_trace(&serde_json::from_str(&text).expect("JSON"), &picture);
    }
}

/// What is between the first of these and the next of those.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("{start} is missing"));
    rest.split_once(end).unwrap_or_else(|| panic!("{end} is missing")).0
}

#[test]
fn a_page_is_whole_and_loads_nothing() {
    for picture in [of_seed(3).1, of_seed(1).1, torn_picture()] {
        let page = page(&picture);
        let data = between(&page, r#"<script type="application/json" id="data">"#, "</script>");
        let data: Value = serde_json::from_str(data).expect("JSON");
        let marks = data["marks"].as_array().expect("a list");
        assert_eq!(marks.len(), picture.marks.len());
        for (drawn, mark) in marks.iter().zip(&picture.marks) {
            assert_eq!(drawn["text"], mark.text);
        }
        for tag in ["script", "style", "main", "header", "form", "pre", "body", "html", "title"] {
            let opened = page.matches(&format!("<{tag}")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        for source in [" src=", " href=", "@import", "url(h", "fetch(", "http://", "https://"] {
            assert!(!page.contains(source), "{source}");
        }
        assert!(!page.contains("@DATA@"));
    }
}

/// A browser that can be run without a screen.
fn browser() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let asked = std::env::var_os("INDOUBT_BROWSER").map(PathBuf::from);
    asked.or_else(|| {
        let mut folders = std::env::split_paths(&path);
        folders
            .find_map(|folder| names.iter().map(|name| folder.join(name)).find(|at| at.is_file()))
    })
}

#[test]
fn a_browser_draws_every_arrow() {
    let Some(browser) = browser() else {
        eprintln!(
            "NOT TESTED: whether a browser draws the page. There is no chromium and no chrome on the \
             PATH: install one (apt-get install chromium), or name one with INDOUBT_BROWSER"
        );
        return;
    };
    let file = std::env::temp_dir().join(format!("indoubt-page-{}.html", std::process::id()));
    for picture in [of_seed(3).1, torn_picture()] {
        std::fs::write(&file, page(&picture)).expect("a temporary file");
        let drawn = Command::new(&browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
            .arg(format!("file://{}#all", file.display()))
            .output()
            .expect("the browser runs");
        let page = String::from_utf8_lossy(&drawn.stdout);
        assert_eq!(between(&page, "data-arrows=\"", "\""), picture.arrows().to_string());
        std::fs::remove_file(&file).expect("it was written");
    }
}
