//! Transcripts: scripts, and what PostgreSQL 15 answered to them.
//!
//! A script is a file of `tests/transcripts`; what comes of it stands beside it. With
//! `INDOUBT_RECORD=1` the answers are recorded anew, from the real arm. A server of another major
//! version says some things in other words, so of one only codes, tags and rows are compared.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tokio::runtime::Builder;

use crate::arm::Arm;
use crate::real::Real;
use crate::script::play;
use crate::simulated::Simulated;
use crate::stage::Stage;

/// Slots for prepared transactions, which a script fills.
const SLOTS: usize = 5;

/// Of which PostgreSQL the transcripts are.
const MAJOR: &str = "15";

struct Script {
    name: String,
    path: PathBuf,
    text: String,
}

impl Script {
    /// All that there are, or the one that `INDOUBT_SCRIPT` names.
    fn all() -> Result<Vec<Self>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
        let only = std::env::var("INDOUBT_SCRIPT").ok();
        let mut scripts = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let meant = only.as_ref().is_none_or(|only| *only == name);
            if meant && path.extension().is_some_and(|extension| extension == "script") {
                let text = std::fs::read_to_string(&path)?;
                scripts.push(Self { name, path, text });
            }
        }
        scripts.sort_by(|a, b| a.name.cmp(&b.name));
        ensure!(!scripts.is_empty(), "there is no script");
        Ok(scripts)
    }

    fn transcript(&self) -> PathBuf {
        self.path.with_extension("transcript")
    }

    /// False, and says where, if something else was told than was recorded.
    fn is_told(&self, told: &str, by: &str, view: impl Fn(&str) -> String) -> Result<bool> {
        let recorded = std::fs::read_to_string(self.transcript())?;
        let (told, recorded) = (view(told), view(&recorded));
        if told == recorded {
            return Ok(true);
        }
        let same = |(a, b): &(&str, &str)| a == b;
        let line = told.lines().zip(recorded.lines()).take_while(same).count();
        let around = |text: &str| -> String {
            text.lines().skip(line.saturating_sub(4)).take(8).collect::<Vec<_>>().join("\n")
        };
        let (name, told, recorded) = (&self.name, around(&told), around(&recorded));
        println!("{name}, line {}, {by}:\n{told}\nrecorded:\n{recorded}\n", line + 1);
        Ok(false)
    }
}

/// A complaint without its words.
fn coarse(told: &str) -> String {
    let line = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [severity @ ("ERROR" | "FATAL" | "WARNING" | "NOTICE"), code, ..]
            if line.starts_with("  ") =>
        {
            format!("  {severity} {code}\n")
        }
        _ => format!("{line}\n"),
    };
    told.lines().map(line).collect()
}

#[test]
fn the_simulated_server_answers_every_script_as_postgres_did() -> Result<()> {
    let mut differing = Vec::new();
    for script in Script::all()? {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let told = runtime.block_on(async {
            let mut stage = Stage::new(Simulated::start(SLOTS).await?);
            play(&script.text, &mut stage).await
        });
        let told = told.with_context(|| script.name.clone())?;
        if !script.is_told(&told, "the simulated server", str::to_owned)? {
            differing.push(script.name);
        }
    }
    ensure!(differing.is_empty(), "these differ: {differing:?}");
    Ok(())
}

#[test]
fn a_real_server_answers_every_script_as_it_was_recorded() -> Result<()> {
    let scripts = Script::all()?;
    Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(async {
        let mut stage = Stage::new(Real::start(SLOTS).await?);
        let by = stage.arm.name();
        let exact = stage.arm.major() == MAJOR;
        println!("{} scripts at {by}{}", scripts.len(), if exact { "" } else { ", codes only" });
        let mut differing = Vec::new();
        for script in scripts {
            let told = play(&script.text, &mut stage).await;
            let told = told.with_context(|| script.name.clone())?;
            if std::env::var_os("INDOUBT_RECORD").is_some() {
                ensure!(exact, "a transcript is recorded from PostgreSQL {MAJOR}");
                std::fs::write(script.transcript(), &told)?;
            }
            let view = |text: &str| if exact { text.to_owned() } else { coarse(text) };
            if !script.is_told(&told, &by, view)? {
                differing.push(script.name);
            }
            stage.clear().await?;
        }
        ensure!(differing.is_empty(), "these differ: {differing:?}");
        Ok(())
    })
}
