//! Where a failure was found: a seed means nothing once the code has changed.

use std::process::Command;

/// The commit of the working directory, with a mark if something in it is not committed; nothing
/// where there is none, or no `git`.
pub fn commit() -> Option<String> {
    let described =
        Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    let described = described.ok().filter(|described| described.status.success())?;
    let commit = String::from_utf8(described.stdout).ok()?.trim().to_owned();
    (!commit.is_empty()).then_some(commit)
}
