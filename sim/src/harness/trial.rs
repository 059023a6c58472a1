//! A search of seeds, and whatever is made of what it finds: printed, replayed, shrunk, kept, drawn.
//!
//! It knows nothing of what is run: only that scenarios are, and are judged.

use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::thread::available_parallelism;

use super::replay::{Asked, asked, line};
use crate::fuzz::{Budget, Failure, Report, Sweep, commit, sweep};
use crate::invariants::Claim;
use crate::picture::Picture;
use crate::picture::page::page;
use crate::scenario::Scenario;
use crate::shrink::{Effort, Shrunk, keep, shrink};
use crate::world::{Run, Runs};

/// What is searched.
pub(crate) struct Trial<'a, R> {
    /// Whatever runs a scenario.
    pub(crate) runs: &'a R,
    /// What a seed stands for.
    pub(crate) family: &'a (dyn Fn(u64) -> Scenario + Sync),
    /// How many seeds, from 0.
    pub(crate) seeds: u64,
    /// What is claimed beside the invariants.
    pub(crate) claims: &'a [Claim],
}

/// What was found, made smaller, and told.
pub(crate) struct Found {
    /// The smallest, if it was looked for.
    pub(crate) smallest: Option<Shrunk>,
    /// What broke, and how to see it again.
    pub(crate) told: String,
}

impl<R: Runs> Trial<'_, R> {
    pub(crate) fn run(&self, scenario: &Scenario) -> Run {
        self.runs.run_scenario(scenario, self.claims)
    }

    /// Searches on all cores, until a run breaks something. It reads no variable and prints nothing.
    pub(crate) fn search(&self) -> Report {
        let jobs = available_parallelism().map_or(1, NonZero::get);
        let (scenario, budget, claims) = (self.family, Budget::Seeds(self.seeds), self.claims);
        sweep(Sweep { first_seed: 0, budget, jobs, scenario, claims }, self.runs, || {})
    }

    /// The same, of as many seeds as the environment asks for, if it does.
    pub(crate) fn search_as_asked(&self) -> Report {
        Trial { seeds: asked().seeds.unwrap_or(self.seeds), ..*self }.search()
    }

    /// The smallest scenario that breaks what this one breaks first.
    pub(crate) fn shrink(&self, scenario: &Scenario) -> Option<Shrunk> {
        shrink(scenario, self.runs, self.claims, Effort::default())
    }

    /// The run that the environment asks for, if it does, printed; and drawn, if it asks for that.
    pub(crate) fn replayed(&self) -> Option<Run> {
        let Asked { seed, scenario, tx, html, .. } = asked();
        let scenario = scenario.or_else(|| seed.map(self.family))?;
        let run = self.run(&scenario);
        let shown = tx.map_or_else(|| run.history.clone(), |tx| run.history.of(tx));
        println!("{scenario}\n{shown}\ntrace {:016x}", run.hash);
        for violation in &run.violations {
            println!("VIOLATION {violation}");
        }
        if let Some(file) = html {
            let text = page(&picture(&format!("seed {}", scenario.seed), &scenario, &run));
            let written = fs::write(&file, text);
            written.unwrap_or_else(|error| panic!("INDOUBT_HTML={file} is not written: {error}"));
            println!("the page is in {file}");
        }
        Some(run)
    }

    /// What broke in so many runs, made smaller unless nobody wants that, and told.
    pub(crate) fn found(&self, failure: &Failure, runs: u64) -> Found {
        let smaller = || self.shrink(&(self.family)(failure.seed));
        let smallest = asked().shrink.then(smaller).flatten();
        let told = told(failure, smallest.as_ref(), runs);
        Found { smallest, told }
    }
}

/// A run as it is drawn.
pub(crate) fn picture(title: &str, scenario: &Scenario, run: &Run) -> Picture {
    Picture::of(title, &scenario.to_string(), &run.history, &run.violations)
}

/// What broke, and how to see it again.
fn told(failure: &Failure, smallest: Option<&Shrunk>, runs: u64) -> String {
    let Failure { seed, hash, violations } = failure;
    let at = commit().map_or(String::new(), |commit| format!(", at commit {commit}"));
    let broken = violations.iter().map(|violation| {
        format!("  {violation}\n    (claimed: {})\n", violation.invariant.claim())
    });
    let broken = broken.collect::<Vec<_>>().concat();
    let small = smallest.map_or_else(String::new, |shrunk| kept(shrunk, *seed));
    format!(
        "VIOLATION at seed {seed}, trace {hash:016x}, in {runs} runs{at}\n{broken}replay it with\n  {}{small}",
        line(&format!("INDOUBT_SEED={seed}"))
    )
}

/// The smallest, kept as a file with a page beside it, and how to see it.
fn kept(shrunk: &Shrunk, seed: u64) -> String {
    let summary = shrunk.summary();
    match keep(shrunk, seed) {
        Ok(path) => {
            let line = line(&format!("INDOUBT_SCENARIO={}", path.display()));
            let drawn = drawn(shrunk, &path.with_extension("html"));
            format!("\n{summary}:\n\n{shrunk}\nreplay that with\n  {line}\n{drawn}")
        }
        Err(unkept) => {
            let line = line("INDOUBT_SCENARIO=FILE");
            format!(
                "\n{summary}:\n\n{shrunk}\n{unkept}; save it as a file, and replay it with\n  {line}"
            )
        }
    }
}

/// A page of it, in this file.
fn drawn(shrunk: &Shrunk, file: &Path) -> String {
    let title = format!("{}, seed {}", shrunk.violation.invariant, shrunk.smallest.seed);
    let text = page(&picture(&title, &shrunk.smallest, &shrunk.run));
    match fs::write(file, text) {
        Ok(()) => format!("and look at it in a browser: {}", file.display()),
        Err(error) => format!("{} cannot be written: {error}", file.display()),
    }
}
