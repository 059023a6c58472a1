//! A history from elsewhere is the history that was made there.

use super::*;
use crate::harness::run;
use crate::scenario::Scenario;

#[test]
fn what_is_dictated_is_taken_down_at_once_and_not_kept() {
    let (say, said) = std::sync::mpsc::channel();
    let recorder = Recorder::dictating(move |entry| say.send(entry).expect("it is read"));
    recorder.record(Duration::from_micros(7), Event::Healed);
    assert_eq!(said.try_recv(), Ok(Entry { at_us: 7, event: Event::Healed }));
    assert_eq!(recorder.finish().0, History::default());
}

/// Whoever has a history from elsewhere judges the same as whoever has made it.
#[test]
fn what_is_printed_for_machines_reads_back() {
    for seed in 0..20 {
        for entry in run(&Scenario::from_seed(seed)).history.entries() {
            let line = serde_json::to_string(entry).expect("it is plain data");
            let read: Entry = serde_json::from_str(&line).expect("it reads back");
            assert_eq!(read, *entry, "{line}");
        }
    }
}
