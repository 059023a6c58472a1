//! Writing to standard output: what was found must reach whoever asked, or the command fails.
//!
//! A reader that has gone away, as `head` does, has had what it wanted: that is no error, and
//! the exit code stays that of the verdict.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

/// Output that could not be written, so that nobody has the verdict.
const UNWRITTEN: u8 = 1;

/// Standard output could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the output cannot be written: {0}; what was found is not complete there")]
pub(crate) struct Unwritten(#[from] io::Error);

impl Unwritten {
    /// Says so on standard error, and gives the exit code for it.
    pub(crate) fn report(&self) -> ExitCode {
        complain(self);
        ExitCode::from(UNWRITTEN)
    }
}

/// Writes a line, or several, to standard output.
///
/// # Errors
/// Every one but that the reader has gone away.
pub(super) fn print(text: impl Display) -> Result<(), Unwritten> {
    written(writeln!(io::stdout().lock(), "{text}"))
}

/// The same of something that was written by others.
pub(crate) fn written(result: io::Result<()>) -> Result<(), Unwritten> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a remark to standard error, beside what is printed. If it cannot be written, it is not.
pub(super) fn note(text: impl Display) {
    let _nobody_listens = writeln!(io::stderr().lock(), "{text}");
}

/// Writes an error to standard error. If that cannot be written either, the exit code is left.
pub(super) fn complain(error: impl Display) {
    let _nobody_listens = writeln!(io::stderr().lock(), "error: {error}");
}
