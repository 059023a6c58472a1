//! What is printed: a bar while something goes on, and what broke.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use indoubt_sim::invariants::Violation;

use crate::judge::{Tally, unasked};

/// A bar of this length, which says nothing where nobody watches.
pub(super) fn bar(length: u64, unit: &str) -> ProgressBar {
    let template = format!("{{elapsed_precise}} [{{bar:30}}] {{pos}}/{{len}} {unit}: {{wide_msg}}");
    let style = ProgressStyle::with_template(&template);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ");
    let bar = ProgressBar::new(length).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Prints what broke.
pub(super) fn violations(violations: &[Violation]) {
    for violation in violations {
        println!("BROKEN: {violation}");
    }
}

/// Prints what was reached, and loudly what was not.
pub(super) fn reached(tally: &Tally) {
    println!("{tally}");
    for what in unasked(tally) {
        println!("NOT ASKED: {what}");
    }
}
