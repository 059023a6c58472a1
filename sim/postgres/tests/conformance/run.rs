//! A sequence, carried out at one server: what every step was answered with, and what could be
//! seen behind it.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::arm::Arm;
use crate::sequence::{LOOKS, NAMES, NO_TABLES, Step, TABLES};
use crate::stage::Stage;

/// What came of a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The step as lines of a script, with the answers.
    pub(crate) lines: String,
    /// The same of who looks on.
    pub(crate) seen: String,
}

/// Longer than anything takes that comes to an end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longer than any sequence takes.
const END: Duration = Duration::from_secs(30);

/// Carries out a sequence at a server that has nothing in it.
pub(crate) async fn run<A: Arm>(steps: &[Step], stage: &mut Stage<A>) -> Result<Vec<Told>> {
    let mut told = Vec::new();
    if let Ok(played) = tokio::time::timeout(END, play(steps, stage, &mut told)).await {
        return played.map(|()| told);
    }
    let lines: String = told.iter().map(|told| told.lines.as_str()).collect();
    let busy = stage.abandon();
    bail!("{} comes to no end; {busy}, behind\n{lines}", stage.arm.name())
}

async fn play<A: Arm>(steps: &[Step], stage: &mut Stage<A>, told: &mut Vec<Told>) -> Result<()> {
    // A sequence that came to no end has left something behind.
    stage.clear().await?;
    stage.observer().await?.rows(NO_TABLES).await?;
    stage.observer().await?.rows(TABLES).await?;
    for step in steps {
        let lines = take(step, stage).await?;
        if !lines.is_empty() {
            told.push(Told { lines, seen: look(stage).await? });
        }
    }
    let mut lines = String::new();
    for name in NAMES {
        stage.leave(name);
        writeln!(lines, "{name}!")?;
    }
    lines += &rest(stage, None).await?;
    told.push(Told { lines, seen: look(stage).await? });
    stage.clear().await?;
    stage.observer().await?.rows(NO_TABLES).await.map(drop)
}

async fn take<A: Arm>(step: &Step, stage: &mut Stage<A>) -> Result<String> {
    match step {
        Step::Ask(who, _) if stage.is_busy(NAMES[*who]) => Ok(String::new()),
        Step::Ask(who, sql) => {
            let name = NAMES[*who];
            let mut lines = String::new();
            if stage.open(name).await? {
                let set = "SET deadlock_timeout = 10";
                stage.ask(name, set).await?;
                write!(lines, "{name}: {set}\n{}", stage.answer(name).await?)?;
            }
            stage.ask(name, sql).await?;
            lines += &rest(stage, Some((name, sql))).await?;
            Ok(lines)
        }
        Step::Leave(who) => {
            stage.leave(NAMES[*who]);
            Ok(format!("{}!\n{}", NAMES[*who], rest(stage, None).await?))
        }
        Step::Cancel(who) if !stage.is_busy(NAMES[*who]) => Ok(String::new()),
        Step::Cancel(who) => {
            cancel(NAMES[*who], stage).await?;
            Ok(format!("{}^\n{}", NAMES[*who], rest(stage, None).await?))
        }
        Step::Crash => {
            stage.crash().await?;
            Ok("= crash\n".to_owned())
        }
    }
}

/// Lets everybody come to rest, and tells what was answered: first to whom has asked just now.
///
/// Whoever waits for the same as another, and is not in one queue with it, is cancelled: which of
/// the two goes on first is a matter of luck at a real server.
async fn rest<A: Arm>(stage: &mut Stage<A>, asked: Option<(&str, &str)>) -> Result<String> {
    let (mut lines, mut asked) = (String::new(), asked);
    loop {
        stage.rest(PATIENCE).await?;
        let mut answers = stage.answers();
        if let Some((name, sql)) = asked.take() {
            match answers.remove(name) {
                Some(answer) => write!(lines, "{name}: {sql}\n{answer}")?,
                None => writeln!(lines, "{name}& {sql}")?,
            }
        }
        for (name, answer) in answers {
            write!(lines, "{name}.\n{answer}")?;
        }
        let (waits, resting) = stage.waits().await?;
        if !resting {
            writeln!(lines, "-- somebody neither answers nor waits for a lock")?;
        }
        let rivals = waits.iter().find(|(name, by)| {
            waits.iter().take_while(|(other, _)| other != name).any(|(other, others)| {
                others.iter().any(|blocker| by.contains(blocker))
                    && !by.contains(other)
                    && !others.contains(name)
            })
        });
        let Some((name, _)) = rivals else {
            for (name, by) in waits {
                writeln!(lines, "-- {name} waits for {}", by.join(", "))?;
            }
            return Ok(lines);
        };
        let name = name.clone();
        writeln!(lines, "{name}^")?;
        cancel(&name, stage).await?;
    }
}

/// Cancels what somebody waits in, which is over when it returns.
async fn cancel<A: Arm>(name: &str, stage: &mut Stage<A>) -> Result<()> {
    stage.cancel(name).await?;
    let over = async {
        while stage.waits().await?.0.contains_key(name) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, over).await.context("it is not cancelled")?
}

async fn look<A: Arm>(stage: &mut Stage<A>) -> Result<String> {
    let mut seen = String::new();
    for sql in LOOKS {
        let observer = stage.observer().await?;
        observer.ask(sql).await?;
        let answer = observer.answer().await?.text;
        // Where a table is locked, its look has failed.
        if answer.ends_with("  E\n") {
            observer.rows("ROLLBACK").await?;
        }
        write!(seen, "observer: {sql}\n{answer}")?;
    }
    Ok(seen)
}
