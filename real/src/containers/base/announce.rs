//! Tells the person running the tests, once, which Postgres they run against.

use std::io::Write as _;

use super::error::PassedOver;

/// Writes a line to the real standard error: the test runner captures what `eprintln!`
/// prints and shows it only for failed tests.
pub(crate) fn line(text: &str) {
    // Nothing useful can be done when standard error is closed.
    let _ = writeln!(std::io::stderr().lock(), "indoubt: {text}");
}

/// Announces the source chosen and those passed over.
pub(in crate::containers) fn source(chosen: &dyn std::fmt::Display, passed_over: &[PassedOver]) {
    let mut text = format!("testing against Postgres from {chosen}");
    for tried in passed_over {
        text.push_str("\n    not ");
        text.push_str(&tried.to_string());
    }
    line(&text);
}
