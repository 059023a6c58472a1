//! Signals to a postmaster and its children.
//!
//! Every backend is a process group of its own, so a signal to the postmaster's group
//! reaches the postmaster alone: the children have to be looked up.

use std::io;

use rustix::process::{Pid, Signal, kill_process};

/// One row of the system's process table.
struct Process {
    id: i32,
    parent: i32,
    /// Ended, but not yet reaped by its parent.
    zombie: bool,
}

/// Signals the postmaster first, then its children, whose ids are returned.
pub(super) fn signal_family(
    postmaster: u32,
    to_postmaster: Signal,
    to_children: Signal,
) -> io::Result<Vec<i32>> {
    let postmaster = i32::try_from(postmaster).map_err(io::Error::other)?;
    signal(postmaster, to_postmaster)?;
    let children: Vec<_> =
        table()?.into_iter().filter(|p| p.parent == postmaster).map(|p| p.id).collect();
    for child in &children {
        match signal(*child, to_children) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {}
            result => result?,
        }
    }
    Ok(children)
}

/// Whether one of these processes has not ended.
pub(super) fn any_lives(ids: &[i32]) -> io::Result<bool> {
    Ok(table()?.iter().any(|process| ids.contains(&process.id) && !process.zombie))
}

fn signal(process: i32, signal: Signal) -> io::Result<()> {
    let id = Pid::from_raw(process).ok_or_else(|| io::Error::other("0 is not a process id"))?;
    Ok(kill_process(id, signal)?)
}

/// Linux has the table as files; `ps` may be missing there in small images.
#[cfg(target_os = "linux")]
fn table() -> io::Result<Vec<Process>> {
    let ids = std::fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    Ok(ids
        .filter_map(|id| {
            // "id (program) state parent ...", where the program's name may hold anything.
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
            let zombie = matches!(fields.next()?, "Z" | "X");
            Some(Process { id, parent: fields.next()?.parse().ok()?, zombie })
        })
        .collect())
}

#[cfg(not(target_os = "linux"))]
fn table() -> io::Result<Vec<Process>> {
    let columns = ["-A", "-o", "pid=", "-o", "ppid=", "-o", "stat="];
    let output = std::process::Command::new("ps").args(columns).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let row = |line: &str| {
        let mut fields = line.split_whitespace();
        let id = fields.next()?.parse().ok()?;
        let parent = fields.next()?.parse().ok()?;
        Some(Process { id, parent, zombie: fields.next()?.starts_with('Z') })
    };
    Ok(text.lines().filter_map(row).collect())
}
