//! A picture in the Trace Event Format, as <https://ui.perfetto.dev> and `chrome://tracing` read it.
//!
//! Each lane is a process with one thread. Transactions, prepared branches, what the log owes, crashes
//! and cuts are asynchronous slices; what comes to nothing but a moment is an instant; a request and its
//! answer are flows, between slices of a microsecond that they hang on.

use serde_json::{Value, json};

use super::model::Picture;
use super::parts::{Bar, BarKind, End, Mark, MarkKind, Message, tx_name};
use crate::history::Tx;

/// The trace, as one JSON object.
pub fn trace(picture: &Picture) -> Value {
    let mut events = Vec::new();
    for (lane, name) in picture.lanes.iter().enumerate() {
        let mut about = |what: &str, args: &Value| {
            events.push(json!({
                "ph": "M", "name": what, "pid": pid(lane), "tid": 0, "args": args,
            }));
        };
        about("process_name", &json!({ "name": name }));
        about("process_sort_index", &json!({ "sort_index": lane }));
        about("thread_name", &json!({ "name": "events" }));
    }
    picture.marks.iter().for_each(|mark| events.push(of_mark(mark)));
    for (number, bar) in picture.bars.iter().enumerate() {
        events.extend(of_bar(picture, number, bar));
    }
    events.extend(transactions(picture));
    for (number, message) in picture.messages.iter().enumerate() {
        events.extend(of_message(picture, number, message));
    }
    for verdict in &picture.verdicts {
        events.push(json!({
            "ph": "i", "name": format!("VIOLATION {}", verdict.invariant), "cat": "violation",
            "pid": pid(0), "tid": 0, "ts": at(picture, verdict.mark), "s": "g",
            "args": { "what": verdict.what, "claim": verdict.claim },
        }));
    }
    json!({
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": { "title": picture.title, "scenario": picture.scenario },
    })
}

/// Processes are counted from 1: some readers take 0 for none.
const fn pid(lane: usize) -> usize {
    lane + 1
}

fn at(picture: &Picture, mark: usize) -> u64 {
    picture.marks.get(mark).map_or_else(|| end(picture), |mark| mark.at_us)
}

fn end(picture: &Picture) -> u64 {
    picture.marks.last().map_or(0, |mark| mark.at_us)
}

fn named(what: &str, tx: Option<Tx>) -> String {
    tx.map_or_else(|| what.to_owned(), |tx| format!("{what} {}", tx_name(tx)))
}

/// What is done is a slice, so that flows can hang on it; what befalls somebody is an instant.
fn of_mark(mark: &Mark) -> Value {
    let name = named(&mark.short, mark.tx);
    let (ts, args) = (mark.at_us, json!({ "what": mark.text }));
    match (mark.lane, mark.kind) {
        (None, _) => json!({
            "ph": "i", "name": name, "cat": "run", "pid": pid(0), "tid": 0, "ts": ts, "s": "g",
            "args": args,
        }),
        (
            Some(lane),
            MarkKind::Fault
            | MarkKind::Repair
            | MarkKind::Stranger
            | MarkKind::GaveUp
            | MarkKind::Rows,
        ) => {
            json!({
                "ph": "i", "name": name, "cat": "fault", "pid": pid(lane), "tid": 0, "ts": ts,
                "s": "p", "args": args,
            })
        }
        (Some(lane), _) => json!({
            "ph": "X", "name": name, "cat": "event", "pid": pid(lane), "tid": 0, "ts": ts, "dur": 1,
            "args": args,
        }),
    }
}

/// Two ends of an asynchronous slice.
fn slice(name: &str, cat: &str, id: &str, lane: usize, between: (u64, u64)) -> [Value; 2] {
    let end = |ph: &str, ts: u64| {
        json!({
            "ph": ph, "name": name, "cat": cat, "id": id, "pid": pid(lane), "tid": 0, "ts": ts,
        })
    };
    [end("b", between.0), end("e", between.1)]
}

fn of_bar(picture: &Picture, number: usize, bar: &Bar) -> [Value; 2] {
    let (what, cat) = match bar.kind {
        BarKind::Down => ("down", "fault"),
        BarKind::Cut => ("cut", "fault"),
        BarKind::Sick => ("disk fails", "fault"),
        BarKind::Ailing => ("ails", "fault"),
        BarKind::Paused => ("paused", "fault"),
        BarKind::Stale => ("standby cut off", "fault"),
        BarKind::Forcing => ("forcing", "log"),
        BarKind::Owed => ("owed", "log"),
        BarKind::Prepared => ("prepared", "branch"),
    };
    let peer =
        bar.peer.filter(|_| bar.kind == BarKind::Cut).and_then(|peer| picture.lanes.get(peer));
    let name = peer.map_or_else(|| named(what, bar.tx), |peer| format!("{what} to {peer}"));
    let between = (at(picture, bar.from), bar.until.map_or(end(picture), |mark| at(picture, mark)));
    slice(&name, cat, &format!("bar {number}"), bar.lane, between)
}

/// Each transaction, from its first event to its last, at the clients.
fn transactions(picture: &Picture) -> Vec<Value> {
    let mut known = std::collections::BTreeMap::new();
    for mark in &picture.marks {
        if let Some(tx) = mark.tx {
            known.entry(tx).or_insert((mark.at_us, mark.at_us)).1 = mark.at_us;
        }
    }
    let of = |(tx, between): (Tx, (u64, u64))| {
        let name = named("tx", Some(tx));
        slice(&name, "transaction", &name, 0, between)
    };
    known.into_iter().flat_map(of).collect()
}

/// A flow to the participant, and one back, as far as they are known to have come.
fn of_message(picture: &Picture, number: usize, message: &Message) -> Vec<Value> {
    let asked = at(picture, message.asked);
    let heard = message.closed.filter(|_| message.answered()).map(|mark| at(picture, mark));
    let done = message.done.map(|mark| at(picture, mark));
    let name = picture.marks.get(message.asked).map_or("", |mark| mark.short.as_str());
    let mut events = Vec::new();
    // When it was dealt with, if nobody says so, is only supposed: half-way.
    let there = done.or_else(|| heard.map(|heard| asked.midpoint(heard)));
    let Some(there) = there else { return events };
    if done.is_none() {
        events.push(json!({
            "ph": "X", "name": named(name, Some(message.tx)), "cat": "event", "pid": pid(message.to),
            "tid": 0, "ts": there, "dur": 1, "args": { "supposed": true },
        }));
    }
    events.extend(flow(
        name,
        &format!("request {number}"),
        (message.from, asked),
        (message.to, there),
    ));
    // What was done after somebody else's answer is no part of this one.
    if let Some(heard) = heard.filter(|heard| there <= *heard) {
        let name = if message.end == End::Refused { "refusal" } else { "answer" };
        events.extend(flow(
            name,
            &format!("answer {number}"),
            (message.to, there),
            (message.from, heard),
        ));
    }
    events
}

fn flow(name: &str, id: &str, from: (usize, u64), to: (usize, u64)) -> [Value; 2] {
    let end = |ph: &str, (lane, ts): (usize, u64)| {
        json!({
            "ph": ph, "name": name, "cat": "message", "id": id, "pid": pid(lane), "tid": 0, "ts": ts,
            "bp": "e",
        })
    };
    [end("s", from), end("f", to)]
}
