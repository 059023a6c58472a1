//! The coordinator's process, as whoever kills it has it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use indoubt_sim::history::Tx;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::Story;
use crate::words::{Order, Said, Setup};

/// How long it may take to do what it is told; each part of that has a deadline of its own.
const PATIENCE: Duration = Duration::from_secs(60);

/// The coordinator's process has ended, or says nothing, and nobody has killed it. That is no failure of
/// the run, but something to be judged: [`Arena::seen`](super::Arena::seen).
#[derive(Debug)]
pub struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the coordinator's process ended, or hangs, and nobody has killed it")
    }
}

impl std::error::Error for Gone {}

/// What is run to be a coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// What makes it [serve](crate::serve).
    pub arguments: Vec<String>,
}

impl Program {
    /// An executable that serves when it is told to: this one does.
    pub fn serving(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), arguments: vec!["serve".to_owned()] }
    }
}

/// One life of it.
pub struct Coordinator {
    process: Child,
    orders: ChildStdin,
    answers: UnboundedReceiver<Said>,
    /// Reads what it says until there is no more.
    ears: Option<JoinHandle<()>>,
}

impl Coordinator {
    pub(super) async fn start(program: &Program, setup: &Setup, story: &Story) -> Result<Self> {
        let mut process = Command::new(&program.path)
            .args(&program.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.path.display()))?;
        let orders = process.stdin.take().context("its input is piped")?;
        let output = process.stdout.take().context("its output is piped")?;
        let (send, answers) = unbounded_channel();
        let story = story.clone();
        let ears = Some(std::thread::spawn(move || listen(output, &story, &send)));
        let mut coordinator = Self { process, orders, answers, ears };
        coordinator.say(&serde_json::to_string(setup)?)?;
        match coordinator.answer().await? {
            Said::Up => Ok(coordinator),
            other => bail!("it comes up saying {other:?}"),
        }
    }

    fn say(&mut self, line: &str) -> Result<()> {
        let said = self.orders.write_all(format!("{line}\n").as_bytes());
        said.and_then(|()| self.orders.flush()).context(Gone)
    }

    /// Tells it to do something, without waiting for the answer.
    ///
    /// # Errors
    /// [`Gone`].
    pub fn order(&mut self, order: &Order) -> Result<()> {
        self.say(&serde_json::to_string(order)?)
    }

    /// Its next answer.
    ///
    /// # Errors
    /// [`Gone`].
    ///
    /// # Cancel safety
    /// May be dropped and called again.
    pub async fn answer(&mut self) -> Result<Said> {
        timeout(PATIENCE, self.answers.recv()).await.ok().flatten().context(Gone)
    }

    /// Tells it to do something, and waits until it has.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn ask(&mut self, order: &Order) -> Result<Said> {
        self.order(order)?;
        self.answer().await
    }

    /// Sends SIGKILL, and returns when it is gone and all that it had said has been heard.
    pub(super) fn kill(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        // Otherwise whoever kills it would cover up that it ended by itself.
        if self.process.try_wait()?.is_some() {
            bail!(Gone);
        }
        self.process.kill()?;
        self.process.wait()?;
        if let Some(ears) = self.ears.take() {
            // It only writes down what it hears.
            ears.join().ok().context("whoever listened to the coordinator panicked")?;
        }
        Ok(())
    }
}

impl Drop for Coordinator {
    fn drop(&mut self) {
        // It has been, or whoever drops it does so because something failed.
        let _ended = self.end();
    }
}

fn listen(output: ChildStdout, story: &Story, answers: &UnboundedSender<Said>) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        match serde_json::from_str(&line) {
            Ok(Said::Happened(entry)) => story.hear(entry),
            Ok(Said::Called(tx, gid)) => story.is_called(tx, gid),
            // Whoever waited for it may have given up.
            Ok(answer) => drop(answers.send(answer)),
            // It was killed in the middle of a line: what that tells of, nobody has seen.
            Err(_) => return,
        }
    }
}

/// What a settled coordinator says.
pub(super) fn settled(said: Said) -> Result<(bool, Option<Vec<Tx>>)> {
    match said {
        Said::Settled { complete, owed } => Ok((complete, owed)),
        other => bail!("asked to settle, it says {other:?}"),
    }
}
