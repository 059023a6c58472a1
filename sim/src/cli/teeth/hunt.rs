//! Looking for a planted bug, in the way in which it is said to be found.
//!
//! What breaks at a seed where the shipped code breaks too is no catch: that is another bug, and the
//! search goes on behind it. Nor is what, made smaller, turns out to be one.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;
use std::{fs, io};

use indoubt_sim::explore::Story;
use indoubt_sim::harness::Shipped;
use indoubt_sim::scenario::Scenario;
use indoubt_sim::world::Runs;

use super::super::found::Found;
use super::super::{Family, Participants, VIOLATED};
use super::copy::{Copy, CopyError};
use super::patch::{Patch, Way};

/// How far the first seeds of two searches are apart: no search is so long.
const APART: u64 = 1_000_000;

/// How long to look for a bug.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// How many searches, each from another seed on.
    pub(super) bases: u64,
    /// How many seeds each of them tries.
    pub(super) seeds: u64,
    pub(super) jobs: u16,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Catch {
    /// What was broken first, each once, in the order of searches.
    pub(super) broken: Vec<String>,
    /// How many runs each search took; nothing for one that found nothing.
    pub(super) runs: Vec<Option<u64>>,
    /// How long each search took.
    pub(super) seconds: Vec<f64>,
    /// How large the smallest schedule is that still breaks the first.
    pub(super) smallest: Option<String>,
}

/// A bug could not be looked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum HuntError {
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("{name}: {program} cannot be run: {error}")]
    Unrun { name: String, program: String, error: io::Error },
    #[error("{name}: {command} says what cannot be read: {complaint}")]
    Unread { name: String, command: String, complaint: String },
}

impl Catch {
    pub(super) fn is_caught(&self) -> bool {
        self.runs.iter().any(Option::is_some)
    }

    /// A search that began then has ended.
    fn searched(&mut self, began: Instant, found: Option<(u64, String)>) {
        self.seconds.push(began.elapsed().as_secs_f64());
        self.add(found);
    }

    /// After how many runs a search broke what; nothing if it did not.
    fn add(&mut self, found: Option<(u64, String)>) {
        self.runs.push(found.as_ref().map(|(runs, _)| *runs));
        if let Some((_, invariant)) = found
            && !self.broken.contains(&invariant)
        {
            self.broken.push(invariant);
        }
    }
}

/// Looks for a bug that is planted in the copy.
pub(super) fn hunt(copy: &Copy, patch: &Patch, effort: Effort) -> Result<Catch, HuntError> {
    let program = copy.build(patch, effort.jobs)?;
    let hunt = Hunt { copy, patch, program: &program };
    match patch.known.find {
        Way::Fuzz { participants, family } => hunt.fuzz(family, participants, effort),
        Way::Explore { .. } => hunt.explore(effort),
    }
}

struct Hunt<'a> {
    copy: &'a Copy,
    patch: &'a Patch,
    /// The simulator with the bug in it.
    program: &'a Path,
}

impl Hunt<'_> {
    fn fuzz(
        &self,
        family: Family,
        participants: Participants,
        effort: Effort,
    ) -> Result<Catch, HuntError> {
        let mut catch = Catch::default();
        for base in 0..effort.bases {
            let (began, from) = (now(), base * APART);
            let found = self.search(from, family, participants, effort)?;
            catch.seconds.push(began.elapsed().as_secs_f64());
            let counts = match &found {
                // One that is shown to be of this bug is enough.
                Some((seed, _)) if catch.smallest.is_none() => {
                    catch.smallest = self.smallest(*seed)?;
                    catch.smallest.is_some()
                }
                _ => true,
            };
            catch.add(found.filter(|_| counts).map(|(seed, broken)| (seed - from + 1, broken)));
        }
        Ok(catch)
    }

    /// The first seed from here on at which only the bug breaks something, and what.
    fn search(
        &self,
        from: u64,
        family: Family,
        participants: Participants,
        effort: Effort,
    ) -> Result<Option<(u64, String)>, HuntError> {
        let (mut next, end) = (from, from + effort.seeds);
        while next < end {
            let (seeds, jobs) = ((end - next).to_string(), effort.jobs.to_string());
            let first = next.to_string();
            let bounds = ["--first-seed", &first, "--seeds", &seeds, "--jobs", &jobs];
            let output = self.run("fuzz", &[&bounds[..], &["--no-shrink", "--json"]].concat())?;
            let found: Found = serde_json::from_slice(&output.stdout)
                .map_err(|error| self.unread("fuzz", &output, &error))?;
            let Some(failed) = found.failure else { return Ok(None) };
            let broken = failed.violations.first().map(|(invariant, _)| invariant.clone());
            if holds(&family.scenario(failed.seed, participants)) {
                return Ok(Some((failed.seed, broken.unwrap_or_default())));
            }
            next = failed.seed + 1;
        }
        Ok(None)
    }

    /// How large the smallest schedule is; nothing if what ships breaks it too, so that it is no longer
    /// this bug's.
    fn smallest(&self, seed: u64) -> Result<Option<String>, HuntError> {
        let (seed, file) = (seed.to_string(), self.copy.scratch("smallest.toml"));
        let path = file.to_string_lossy();
        let output = self.run("shrink", &[&seed, "--output", &path])?;
        let text = fs::read_to_string(&file);
        let text = text.map_err(|error| self.unread("shrink", &output, &error))?;
        let smallest: Scenario =
            text.parse().map_err(|error| self.unread("shrink", &output, &error))?;
        // The next bug's is none of this one's.
        fs::remove_file(&file).map_err(|error| self.unread("shrink", &output, &error))?;
        let faults = count(smallest.faults.len() as u64, "fault");
        let transactions = count(smallest.transactions.into(), "transaction");
        Ok(holds(&smallest).then(|| format!("{faults}, {transactions}")))
    }

    fn explore(&self, effort: Effort) -> Result<Catch, HuntError> {
        let mut catch = Catch::default();
        let (began, file) = (now(), self.copy.scratch("counterexample.json"));
        let (path, jobs) = (file.to_string_lossy(), effort.jobs.to_string());
        let output = self.run("explore", &["--threads", &jobs, "--save", &path])?;
        if output.status.success() {
            catch.searched(began, None);
            return Ok(catch);
        }
        let text = match fs::read_to_string(&file) {
            // Nothing is broken, and something is never reached that has to be.
            Err(error) if error.kind() == io::ErrorKind::NotFound && failed(&output) => {
                catch.searched(began, Some((1, "vacuous".to_owned())));
                return Ok(catch);
            }
            text => text.map_err(|error| self.unread("explore", &output, &error))?,
        };
        let story: Story =
            serde_json::from_str(&text).map_err(|error| self.unread("explore", &output, &error))?;
        fs::remove_file(&file).map_err(|error| self.unread("explore", &output, &error))?;
        let steps = count(story.actions.len() as u64, "step");
        catch.smallest = Some(format!("{}, {steps}", count(story.faults().into(), "fault")));
        catch.searched(began, Some((1, story.broken.unwrap_or_default())));
        Ok(catch)
    }

    /// Has the bug's program do this.
    fn run(&self, verb: &str, args: &[&str]) -> Result<Output, HuntError> {
        let own = self.patch.known.find.args();
        let ran = Command::new(self.program).arg(verb).args(own).args(args).output();
        ran.map_err(|error| HuntError::Unrun {
            name: self.patch.name.clone(),
            program: self.program.display().to_string(),
            error,
        })
    }

    fn unread(&self, command: &str, output: &Output, error: &dyn std::fmt::Display) -> HuntError {
        let told = String::from_utf8_lossy(&output.stderr);
        HuntError::Unread {
            name: self.patch.name.clone(),
            command: command.to_owned(),
            complaint: format!("{error}; {}: {}", output.status, told.trim()),
        }
    }
}

/// Whether what ships keeps every invariant in this run.
fn holds(scenario: &Scenario) -> bool {
    Shipped.run_scenario(scenario, &[]).violations.is_empty()
}

/// Whether it is what it found that it failed by, and not how it was asked.
fn failed(output: &Output) -> bool {
    output.status.code() == Some(VIOLATED.into())
}

fn count(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[expect(clippy::disallowed_methods, reason = "how long it took, outside of any simulation")]
fn now() -> Instant {
    Instant::now()
}
