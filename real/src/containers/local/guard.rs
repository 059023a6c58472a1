//! A small shell that ends a server and removes its folder once nobody holds its input open.
//!
//! The kernel closes the input whichever way this process ends, so the clean-up happens
//! after a panic, an abort and a SIGKILL alike, and there is only one path for it.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::containers::base::StartError;

/// Every line read is the postmaster's process id from now on, or nothing. SIGQUIT is
/// Postgres's immediate shutdown; it is preceded by SIGCONT because a paused postmaster
/// would not hear it. A server that was killed leaves its System V segment, whose id is in
/// line 7 of postmaster.pid.
const SCRIPT: &str = r#"
postmaster=
while read -r line; do postmaster=$line; done
if [ -n "$postmaster" ]; then
    kill -CONT "$postmaster"
    kill -QUIT "$postmaster"
    tries=0
    while kill -0 "$postmaster" && [ $tries -lt 200 ]; do
        sleep 0.05
        tries=$((tries + 1))
    done
    kill -KILL "$postmaster"
fi
set -- "$1" $(sed -n 7p "$1/data/postmaster.pid")
[ -z "$3" ] || ipcrm -m "$3"
rm -rf "$1"
"#;

pub(super) struct Guard {
    shell: Child,
    /// `None` once released.
    input: Option<ChildStdin>,
}

impl Guard {
    pub(super) fn start(folder: &Path) -> Result<Self, StartError> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "indoubt-postgres-guard"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal must not end it before its work.
            .process_group(0)
            .spawn()
            .map_err(StartError::run("sh"))?;
        let input = shell.stdin.take();
        Ok(Self { shell, input })
    }

    pub(super) fn watch(&mut self, postmaster: u32) {
        self.tell(&postmaster.to_string());
    }

    pub(super) fn watch_nothing(&mut self) {
        self.tell("");
    }

    fn tell(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            // A guard that is gone has done its work already.
            let _ = writeln!(input, "{line}");
        }
    }

    /// Lets the guard do its work.
    pub(super) fn release(&mut self) {
        self.input = None;
    }

    /// Waits until the guard has done its work.
    pub(super) fn finish(&mut self) {
        let _ = self.shell.wait();
    }
}
