//! `fuzz`: many seeds, a progress bar, a summary.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use indoubt_sim::fuzz::{Budget, Report, Sweep, commit, sweep};
use indoubt_sim::harness::Shipped;
use indoubt_sim::invariants::Claim;

use super::found::Found;
use super::plan::{Plan, claims};
use super::shrink::at_once;
use super::{Family, Participants, Unwritten, VIOLATED, print, seed, usage};

/// From how many runs on every claim must have been reached: fewer are too few to demand it.
const DEMAND_REACH: u64 = 1_000;

/// Run many seeds and check every invariant on each.
#[derive(Debug, Args)]
pub(super) struct Fuzz {
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "time")]
    seeds: u64,

    /// How long to run instead, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    time: Option<u64>,

    /// The first seed; the others follow it.
    #[arg(long, default_value_t = 0, value_parser = seed, allow_negative_numbers = true)]
    first_seed: u64,

    /// How many threads; by default as many as there are cores.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,

    /// What a seed stands for.
    #[arg(long, value_enum, default_value_t = Family::Swarm)]
    family: Family,

    /// What the participants are.
    #[arg(long, value_enum, default_value_t = Participants::Simulated)]
    participants: Participants,

    /// Also ask of every run whether the explorer allows what happened in it.
    #[arg(long)]
    follow: bool,

    /// Do not look for the smallest schedule that breaks what was found.
    #[arg(long)]
    no_shrink: bool,

    /// Print one JSON object for machines: what was found, and not its smallest schedule.
    #[arg(long)]
    json: bool,
}

impl Fuzz {
    pub(super) fn run(self) -> Result<ExitCode, Unwritten> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let jobs = self.jobs.map_or(cores, usize::from);
        let budget = self.time.map_or(Budget::Seeds(self.seeds), |seconds| {
            Budget::Time(Duration::from_secs(seconds))
        });
        if let Budget::Seeds(seeds) = budget
            && self.first_seed.checked_add(seeds).is_none()
        {
            return Ok(usage(format!(
                "{seeds} seeds from {} on pass the largest seed, {}",
                self.first_seed,
                u64::MAX
            )));
        }
        let scenario = &|seed| self.family.scenario(seed, self.participants);
        let claims = match claims(self.follow) {
            Ok(claims) => claims,
            Err(error) => return Ok(usage(error)),
        };
        let bar = bar(budget);
        let (first_seed, claims) = (self.first_seed, &claims[..]);
        let seeds = Sweep { first_seed, budget, jobs, scenario, claims };
        let report = sweep(seeds, &Shipped, || bar.inc(1));
        bar.finish_and_clear();
        if self.json { self.summarize_as_json(&report) } else { self.summarize(&report, claims) }
    }

    fn summarize_as_json(&self, report: &Report) -> Result<ExitCode, Unwritten> {
        let found = Found::of(report, &self.missing(report));
        // Plain structs with string keys: this cannot fail.
        print(serde_json::to_string(&found).unwrap_or_default())?;
        let holds = found.failure.is_none() && found.missing.is_empty();
        Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) })
    }

    /// What should have been reached in so many runs, and was not.
    fn missing(&self, report: &Report) -> Vec<&'static str> {
        if report.runs < DEMAND_REACH {
            return Vec::new();
        }
        match self.family {
            Family::Swarm if self.participants == Participants::Postgres => {
                report.reach.missing_at_servers()
            }
            Family::Swarm => report.reach.missing(),
            Family::Traffic => report.reach.missing_under_traffic(),
            Family::Crowd => report.reach.missing_in_a_crowd(),
            Family::Reference => Vec::new(),
        }
    }

    fn summarize(&self, report: &Report, claims: &[Claim]) -> Result<ExitCode, Unwritten> {
        let seconds = report.took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let (rate, messages) =
            (report.runs as f64 / seconds, report.messages as f64 / report.runs.max(1) as f64);
        print(format_args!(
            "{} runs in {seconds:.1} s: {rate:.0} runs/s, {messages:.0} messages a run",
            report.runs
        ))?;
        print(&report.reach)?;
        print(&report.halves)?;
        if let Some(failure) = &report.failure {
            let at = commit().map_or(String::new(), |commit| format!(", at commit {commit}"));
            let (seed, hash) = (failure.seed, failure.hash);
            print(format_args!("VIOLATION at seed {seed}, trace {hash:016x}{at}"))?;
            for violation in &failure.violations {
                print(format_args!("  {violation}"))?;
            }
            let family = match self.family {
                Family::Swarm => "",
                Family::Traffic => " --family traffic",
                Family::Crowd => " --family crowd",
                Family::Reference => " --family reference",
            };
            let participants = match self.participants {
                Participants::Simulated => "",
                Participants::Postgres => " --participants postgres",
            };
            let follow = if self.follow { " --follow" } else { "" };
            print(format_args!(
                "replay it with\n  cargo sim replay {}{family}{participants}{follow}",
                failure.seed
            ))?;
            if !self.no_shrink {
                let scenario = self.family.scenario(failure.seed, self.participants);
                at_once(&Plan::Scenario(scenario.into()), claims, self.follow)?;
            }
            return Ok(ExitCode::from(VIOLATED));
        }
        let missing = self.missing(report);
        if !missing.is_empty() {
            print(format_args!("VACUOUS: never reached: {}", missing.join(", ")))?;
            return Ok(ExitCode::from(VIOLATED));
        }
        print("every invariant held in every run")?;
        if self.follow {
            print("the explorer allows all of it")?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn bar(budget: Budget) -> ProgressBar {
    let (bar, template) = match budget {
        Budget::Seeds(seeds) => {
            (ProgressBar::new(seeds), "{bar:40} {pos}/{len} runs, {per_sec}, {eta} left")
        }
        Budget::Time(_) => {
            (ProgressBar::new_spinner(), "{spinner} {pos} runs, {per_sec}, {elapsed}")
        }
    };
    bar.enable_steady_tick(Duration::from_millis(200));
    // A fixed template of ours; if it were wrong the default one would do.
    if let Ok(style) = ProgressStyle::with_template(template) { bar.with_style(style) } else { bar }
}
