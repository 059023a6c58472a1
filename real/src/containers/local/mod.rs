//! A server run from binaries on this machine, in a temporary folder, without Docker.
//!
//! Deliberately absent: Unix sockets (every client goes through the password check on TCP)
//! and anything outside the temporary folder.

mod account;
mod guard;
mod processes;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use futures::future::BoxFuture;
use rustix::process::Signal;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use self::account::Account;
use self::guard::Guard;
use crate::containers::base::{ControlError, Machine, Order, StartError, secret};
use crate::containers::source::Source;

pub(super) struct Local {
    binaries: PathBuf,
    account: Account,
    folder: PathBuf,
    arguments: Vec<String>,
    running: Mutex<Running>,
}

/// The postmaster, if it runs, and the guard that outlives this process.
struct Running {
    postmaster: Option<Child>,
    guard: Guard,
}

impl Local {
    pub(super) async fn create(source: &Source, order: Order) -> Result<Self, StartError> {
        let binaries = source.binaries().expect("a local server has local binaries").to_owned();
        let account = Account::for_servers()?;
        let folder = std::env::temp_dir().join(format!("indoubt-postgres-{}", secret::token()));
        account.create_folder(&folder)?;
        // From here on the guard removes the folder, whatever happens.
        let guard = Guard::start(&folder).inspect_err(|_| drop(fs::remove_dir_all(&folder)))?;
        let local = Self {
            arguments: server_arguments(&folder, &order),
            binaries,
            account,
            folder,
            running: Mutex::new(Running { postmaster: None, guard }),
        };
        local.initdb(&order.password).await?;
        local.start_again().await?;
        Ok(local)
    }

    async fn initdb(&self, password: &str) -> Result<(), StartError> {
        let password_file = self.folder.join("password");
        self.account.write_file(&password_file, password)?;
        let mut initdb = self.command("initdb");
        initdb
            .arg(format!("--pgdata={}", data(&self.folder).display()))
            .arg(format!("--pwfile={}", password_file.display()))
            .args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync"]);
        let output = spawn_blocking(move || initdb.output()).await;
        let output = output.expect("running initdb does not panic");
        let output = output.map_err(StartError::io("run initdb"))?;
        let _ = fs::remove_file(password_file);
        if output.status.success() {
            return Ok(());
        }
        let Output { mut stdout, stderr, .. } = output;
        stdout.extend(stderr);
        Err(StartError::Initdb { output: String::from_utf8_lossy(&stdout).trim().to_owned() })
    }

    /// A program run by the server's account, out of reach of a Ctrl-C at the terminal.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        self.account.assume(&mut command);
        command.current_dir(&self.folder).stdin(Stdio::null());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command
    }

    async fn signal(&self, signal: Signal, action: &'static str) -> Result<(), ControlError> {
        let running = self.running.lock().await;
        let Some(postmaster) = &running.postmaster else {
            return Err(ControlError::because(action)("it does not run"));
        };
        processes::signal_family(postmaster.id(), signal, signal)
            .map(drop)
            .map_err(ControlError::because(action))
    }
}

impl Machine for Local {
    fn start_again(&self) -> BoxFuture<'_, Result<(), StartError>> {
        Box::pin(async {
            let mut running = self.running.lock().await;
            if running.is_up() {
                return Ok(());
            }
            let log = self.account.write_file(&log(&self.folder), "")?;
            let error_log = log.try_clone().map_err(StartError::io("open the server's log"))?;
            let mut postgres = self.command("postgres");
            postgres.args(&self.arguments).stdout(log).stderr(error_log);
            let postmaster = postgres.spawn().map_err(StartError::io("run postgres"))?;
            running.guard.watch(postmaster.id());
            running.postmaster = Some(postmaster);
            Ok(())
        })
    }

    fn log_if_ended(&self) -> BoxFuture<'_, Option<String>> {
        Box::pin(async {
            if self.running.lock().await.is_up() {
                return None;
            }
            let log = fs::read_to_string(log(&self.folder)).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            Some(lines[lines.len().saturating_sub(10)..].join("\n"))
        })
    }

    fn kill(&self) -> BoxFuture<'_, Result<(), ControlError>> {
        Box::pin(async {
            let mut running = self.running.lock().await;
            let Some(postmaster) = &mut running.postmaster else { return Ok(()) };
            // A stopped postmaster starts no new process behind our back.
            let family = processes::signal_family(postmaster.id(), Signal::STOP, Signal::KILL)
                .map_err(ControlError::because("kill"))?;
            postmaster.kill().map_err(ControlError::because("kill"))?;
            let end = postmaster.wait();
            end.map_err(ControlError::because("kill"))?;
            running.postmaster = None;
            running.guard.watch_nothing();
            // Postgres refuses to start while a process of its former life is attached to its memory.
            while processes::any_lives(&family).map_err(ControlError::because("kill"))? {
                sleep(Duration::from_millis(5)).await;
            }
            Ok(())
        })
    }

    fn pause(&self) -> BoxFuture<'_, Result<(), ControlError>> {
        Box::pin(self.signal(Signal::STOP, "pause"))
    }

    fn unpause(&self) -> BoxFuture<'_, Result<(), ControlError>> {
        Box::pin(self.signal(Signal::CONT, "unpause"))
    }

    fn remove(self: Box<Self>) -> BoxFuture<'static, Result<(), ControlError>> {
        Box::pin(async {
            let folder = self.folder.clone();
            let dropped = spawn_blocking(move || drop(self)).await;
            dropped.map_err(ControlError::because("remove"))?;
            if folder.exists() {
                let reason = format!("{} is still there", folder.display());
                return Err(ControlError::because("remove")(reason));
            }
            Ok(())
        })
    }
}

impl Running {
    fn is_up(&mut self) -> bool {
        if let Some(postmaster) = &mut self.postmaster
            && !matches!(postmaster.try_wait(), Ok(None))
        {
            self.postmaster = None;
            self.guard.watch_nothing();
        }
        self.postmaster.is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(postmaster) = &self.postmaster {
            // A paused server could not obey.
            let _ = processes::signal_family(postmaster.id(), Signal::CONT, Signal::CONT);
        }
        self.guard.release();
        // The guard waits for the postmaster to be gone, which takes our reaping it.
        if let Some(mut postmaster) = self.postmaster.take() {
            let _ = postmaster.wait();
        }
        self.guard.finish();
    }
}

fn server_arguments(folder: &Path, order: &Order) -> Vec<String> {
    let data = data(folder).display().to_string();
    let mut arguments = vec!["-D".to_owned(), data, "-p".to_owned(), order.port.to_string()];
    arguments.extend(order.arguments.iter().cloned());
    // Last, so that they count. `mmap` keeps shared memory inside the folder, where it is
    // removed even after a SIGKILL.
    for fixed in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "dynamic_shared_memory_type=mmap",
    ] {
        arguments.extend(["-c".to_owned(), fixed.to_owned()]);
    }
    arguments
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}
