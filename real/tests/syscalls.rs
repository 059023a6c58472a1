//! What of the decision log reaches the kernel: not what is called, but which system calls are made,
//! in which order, as `strace` sees them. Nothing else notices a sync that is left out.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use futures::executor::block_on;
use indoubt::{Commit, DecisionLog, Gid};
use indoubt_real::log::{Directory, FileLog, Options};

/// Set in the process that is watched, to the directory of its log.
const WATCHED: &str = "INDOUBT_WATCHED_LOG";

/// What the watched process says when something has returned.
const RETURNED: &str = "returned: ";

/// How many decisions it forces: enough for a log that is so small to be compacted.
const FORCES: u64 = 40;

const TEST: &str = "whatever_has_returned_is_synced_and_so_is_its_name";

#[test]
fn whatever_has_returned_is_synced_and_so_is_its_name() {
    if let Some(path) = std::env::var_os(WATCHED) {
        return block_on(open_and_force(Path::new(&path)));
    }
    let Some(calls) = watched() else {
        eprintln!(
            "NOT TESTED: whether the syncs of the decision log reach the kernel. `strace` is not to be had \
             here, or may not watch a process: install it (apt-get install strace), and allow ptrace"
        );
        return;
    };
    let mut seen = Seen::default();
    for call in &calls {
        seen.see(call);
    }
    println!("{seen:?}");
    assert_eq!(seen.returned, FORCES + 2, "the log opened twice, and forced in between");
    assert!(seen.syncs > FORCES, "each force is a sync of its own, with one client");
    assert!(seen.renames > 1, "the log was compacted");
    assert!(seen.syncs_of_directory > 1 && seen.parent_is_synced);
}

/// Opens a log, forces decisions one after the other, and opens it again.
async fn open_and_force(path: &Path) {
    let options = Options { remembered: 4, compact_from_bytes: 600, ..Options::default() };
    let open = || async {
        let directory = Directory::new(path).unwrap();
        FileLog::open(directory, "shop".parse().unwrap(), options.clone()).await.unwrap()
    };
    let log = open().await;
    eprintln!("{RETURNED}open");
    for sequence in 1..=FORCES {
        let (coordinator, epoch) = (log.coordinator().clone(), log.epoch());
        let gid = Gid { coordinator, epoch, sequence, lineage: log.lineage() };
        log.force(&Arc::new(Commit { gid: gid.clone(), branches: vec![] })).await.unwrap();
        eprintln!("{RETURNED}force {sequence}");
        log.forget(&gid).await.unwrap();
    }
    drop(log);
    drop(open().await);
    eprintln!("{RETURNED}open");
}

/// The system calls of a process that opens a log and forces decisions, each when it had returned;
/// `None` where there is nobody to watch it.
fn watched() -> Option<Vec<String>> {
    let folder = std::env::temp_dir().join(format!("indoubt-syscalls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (log, trace) = (folder.join("log"), folder.join("trace"));
    let watching = Command::new("strace")
        .args(["-f", "-y", "-s", "64", "-e", "trace=openat,write,fsync,fdatasync,/rename,/mkdir"])
        .arg("-o")
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(WATCHED, &log)
        .output();
    let watched = watching.ok().filter(|watched| watched.status.success());
    let calls = watched.map(|_| returned(&std::fs::read_to_string(&trace).unwrap()));
    std::fs::remove_dir_all(&folder).unwrap();
    calls
}

/// Whole calls in the order in which they returned: one that another thread came between is told in
/// two lines.
fn returned(trace: &str) -> Vec<String> {
    let mut begun: Vec<(&str, &str)> = Vec::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if let Some(begin) = call.strip_suffix("<unfinished ...>") {
            begun.push((thread, begin));
        } else if let Some((_, end)) = call.split_once(" resumed>") {
            let at = begun.iter().position(|(other, _)| *other == thread);
            calls.extend(at.map(|at| format!("{}{end}", begun.remove(at).1)));
        } else {
            calls.push(call.to_owned());
        }
    }
    calls
}

/// What the calls so far have left unsynced, and how many there were.
#[derive(Debug, Default)]
struct Seen {
    /// Files that were written to, by their paths.
    written: BTreeSet<String>,
    /// Names that were made, or given to another file.
    named: BTreeSet<String>,
    parent_is_synced: bool,
    syncs: u64,
    syncs_of_directory: u64,
    renames: u64,
    returned: u64,
}

impl Seen {
    fn see(&mut self, call: &str) {
        let Some((name, rest)) = call.split_once('(') else { return };
        // What failed has done nothing.
        if rest.rsplit_once(" = ").is_none_or(|(_, result)| result.starts_with('-')) {
            return;
        }
        // The path of the first descriptor, and the texts.
        let path = rest.split_once('<').and_then(|(_, path)| path.split_once('>'));
        let path = path.map_or(String::new(), |(path, _)| path.to_owned());
        let texts: Vec<&str> = rest.split('"').skip(1).step_by(2).collect();
        let is_logs = path.contains("indoubt-syscalls-");
        match name {
            "write" if texts.first().is_some_and(|text| text.starts_with(RETURNED)) => {
                self.returned += 1;
                let Self { written, named, .. } = &self;
                assert!(
                    written.is_empty(),
                    "{call}\nreturned, and this is not synced: {written:?}"
                );
                assert!(named.is_empty(), "{call}\nreturned, and these names are not: {named:?}");
            }
            "write" if is_logs => drop(self.written.insert(path)),
            "fsync" | "fdatasync" if is_logs && path.ends_with("/log") => {
                self.syncs_of_directory += 1;
                self.named.clear();
            }
            "fsync" | "fdatasync" if is_logs => {
                self.syncs += 1;
                self.parent_is_synced |= !path.contains("/log/");
                self.written.remove(&path);
            }
            "openat" if is_logs && rest.contains("O_EXCL") => {
                self.named.insert(format!("{path}/{}", texts[0]));
            }
            _ if name.starts_with("rename") => {
                self.renames += 1;
                let (from, to) = (format!("{path}/{}", texts[0]), format!("{path}/{}", texts[1]));
                assert!(!self.written.contains(&from), "{call}\nbefore its data was synced");
                self.named.remove(&from);
                self.named.insert(to);
            }
            _ => {}
        }
    }
}
