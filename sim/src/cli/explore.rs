//! `explore`: every state of a small system, or random walks through a larger one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use indoubt_sim::bridge::{CarriedRun, Order, carry};
use indoubt_sim::explore::{
    End, Found, JUDGED, Limits, Progress, Reached, Reduction, Shipped, Size, Sometimes, Story,
    System, Walks, search,
};
use indoubt_sim::invariants::Invariant;

use super::picture::write_page;
use super::replay::tell;
use super::{Unwritten, VIOLATED, print, usage};

/// Explore every interleaving of the shipped machines, up to a budget of faults.
#[derive(Debug, Args)]
pub(super) struct Explore {
    /// Transactions: 1 or 2.
    #[arg(long, short, default_value_t = 1)]
    transactions: u8,

    /// Participants: 1 to 3.
    #[arg(long, short, default_value_t = 2)]
    participants: u8,

    /// Coordinators that share one log: 1 or 2.
    #[arg(long, short, default_value_t = 1)]
    coordinators: u8,

    /// Faults in one run.
    #[arg(long, short, default_value_t = 1)]
    faults: u8,

    /// How many threads; by default as many as there are cores.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,

    /// Memory for states, in GiB: the search stops there and says what it has covered.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1024))]
    memory: u64,

    /// Take no two states for one: far more states, and nothing to be convinced of.
    #[arg(long)]
    plain: bool,

    /// Walk at random this many times instead of searching.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    walks: Option<u64>,

    /// The seed of the walks.
    #[arg(long, default_value_t = 0, requires = "walks")]
    seed: u64,

    /// On walks, how many times as often an ordinary step is taken as a fault.
    #[arg(long, default_value_t = 16, requires = "walks", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    against_faults: u64,

    /// Where to write a counterexample.
    #[arg(long, value_name = "FILE", default_value = "counterexample.json")]
    save: PathBuf,

    /// Tell and judge the counterexample in this file instead.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["walks", "transactions", "participants", "coordinators", "faults"])]
    replay: Option<PathBuf>,

    /// Carry it over: run the same order of events in the simulator as well.
    #[arg(long, requires = "replay")]
    simulate: bool,

    /// Write a page for a browser with a picture of that run.
    #[arg(long, value_name = "FILE", requires = "simulate")]
    html: Option<PathBuf>,
}

impl Explore {
    pub(super) fn run(self) -> Result<ExitCode, Unwritten> {
        if let Some(file) = &self.replay {
            return self.replay(file);
        }
        let size = Size::new(self.transactions, self.participants, self.coordinators, self.faults);
        let system = match System::new(Shipped, size, self.reduction()) {
            Ok(system) => system,
            Err(error) => return Ok(usage(error)),
        };
        match self.walks {
            Some(walks) => self.walk(&system, walks),
            None => self.search(&system),
        }
    }

    fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.threads.map_or(cores, usize::from)
    }

    const fn reduction(&self) -> Reduction {
        if self.plain { Reduction::Plain } else { Reduction::Full }
    }

    fn search(&self, system: &System<Shipped>) -> Result<ExitCode, Unwritten> {
        let threads = self.threads();
        let limits = Limits { threads, bytes: self.memory << 30 };
        let bar = bar();
        let calm = System::new(Shipped, Size { faults: 0, ..system.size() }, self.reduction());
        let calm = calm.map(|calm| search(&calm.calm(), limits, |_| {}));
        let began = now();
        let found = search(system, limits, |progress| show(&bar, progress, began.elapsed()));
        bar.finish_and_clear();
        let took = began.elapsed();
        print(format_args!("{}: {}", system.size(), covered(&found)))?;
        print(tally(&found, took, threads))?;
        if let Some(story) = story(&found).or(calm.as_ref().ok().and_then(story)) {
            return self.violated(story);
        }
        print(format_args!("every invariant held: {}", names()))?;
        claims(found.reached, &Sometimes::demanded(system.size()))
    }

    fn walk(&self, system: &System<Shipped>, walks: u64) -> Result<ExitCode, Unwritten> {
        let bar = bar();
        let began = now();
        let plan = Walks { seed: self.seed, walks, against_faults: self.against_faults };
        let walked = system.walk(plan, self.threads(), |walks, steps| {
            bar.set_message(format!("{} walks, {} steps", HumanCount(walks), HumanCount(steps)));
        });
        bar.finish_and_clear();
        print(format_args!(
            "{}: {} walks of seed {}, {} steps, {:.0} steps/s",
            system.size(),
            HumanCount(walked.walks),
            self.seed,
            HumanCount(walked.steps),
            rate(walked.steps, began.elapsed())
        ))?;
        if let Some(story) = &walked.broken {
            return self.violated(story);
        }
        print(format_args!("every invariant held on every walk: {}", names()))?;
        claims(walked.reached, &[])
    }

    fn violated(&self, story: &Story) -> Result<ExitCode, Unwritten> {
        print(story)?;
        // Plain data with string keys: writing it as JSON cannot fail.
        let text = serde_json::to_string_pretty(story).unwrap_or_default();
        match std::fs::write(&self.save, text + "\n") {
            Ok(()) => {
                let file = self.save.display();
                print(format_args!("replay it with\n  cargo sim explore --replay {file}"))?;
                print(format_args!(
                    "and run it in the simulator with\n  cargo sim explore --replay {file} --simulate"
                ))?;
            }
            Err(error) => {
                return Ok(usage(format!("{} cannot be written: {error}", self.save.display())));
            }
        }
        Ok(ExitCode::from(VIOLATED))
    }

    fn replay(&self, file: &Path) -> Result<ExitCode, Unwritten> {
        let story = match read(file) {
            Ok(story) => story,
            Err(error) => return Ok(usage(error)),
        };
        let system = match System::new(Shipped, story.size, self.reduction()) {
            Ok(system) => system,
            Err(error) => return Ok(usage(error)),
        };
        match system.replay(&story.actions) {
            Err(untrue) => Ok(usage(format!("{}: {untrue}", file.display()))),
            Ok(story) if self.simulate => {
                print(&story)?;
                simulate(file, &story, self.html.as_deref())
            }
            Ok(story) => {
                print(&story)?;
                Ok(if story.broken.is_some() {
                    ExitCode::from(VIOLATED)
                } else {
                    ExitCode::SUCCESS
                })
            }
        }
    }
}

/// Runs a story in the simulator, and leaves the scenario beside its file.
fn simulate(file: &Path, story: &Story, html: Option<&Path>) -> Result<ExitCode, Unwritten> {
    let order = Order::of(story, 0);
    if let Err(error) = order.check() {
        return Ok(usage(error));
    }
    let mut saved = file.as_os_str().to_owned();
    saved.push(".toml");
    let saved = PathBuf::from(saved);
    if let Err(error) = std::fs::write(&saved, order.to_string()) {
        return Ok(usage(format!("{} cannot be written: {error}", saved.display())));
    }
    print("and in the simulator:")?;
    let CarriedRun { run, carried } = carry(&order);
    tell(&run, &run.history, carried.as_ref())?;
    if let Some(html) = html {
        let title = format!("the story of {}", file.display());
        if let Err(error) = write_page(&title, &order.to_string(), &run, html) {
            return Ok(usage(error));
        }
        print(format_args!("the page is in {}", html.display()))?;
    }
    print(format_args!("run it again with\n  cargo sim replay --scenario {}", saved.display()))?;
    let holds = story.broken.is_none() && run.violations.is_empty();
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(VIOLATED) })
}

fn read(file: &Path) -> Result<Story, String> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        format!("the counterexample {} cannot be read: {error}", file.display())
    })?;
    serde_json::from_str(&text)
        .map_err(|error| format!("{} is not a counterexample: {error}", file.display()))
}

fn story(found: &Found) -> Option<&Story> {
    if let End::Broken(story) = &found.end { Some(story) } else { None }
}

fn covered(found: &Found) -> String {
    let depth = found.progress.depth;
    match &found.end {
        End::Exhausted => "exhausted".to_owned(),
        End::Broken(_) => "an invariant is broken".to_owned(),
        End::OutOfMemory => format!(
            "STOPPED at the limit of memory: every state within {depth} steps holds, and what was \
             seen beyond; raise --memory, lower the size, or use --walks"
        ),
    }
}

fn tally(found: &Found, took: Duration, threads: usize) -> String {
    let Progress { states, steps, depth, .. } = found.progress;
    format!(
        "  states    {}\n  steps     {}\n  depth     {depth}\n  time      {:.1} s on {threads} threads, \
         {:.0} states/s\n  memory    {} for states",
        HumanCount(states),
        HumanCount(steps),
        took.as_secs_f64(),
        rate(states, took),
        HumanBytes(found.peak_bytes)
    )
}

fn names() -> String {
    JUDGED.map(Invariant::name).join(", ")
}

/// Says what was reached; to have missed what is demanded is a failure.
fn claims(reached: Reached, demanded: &[Sometimes]) -> Result<ExitCode, Unwritten> {
    for sometimes in Sometimes::ALL {
        let mark = match (reached.contains(sometimes), demanded.contains(&sometimes)) {
            (true, _) => "reached",
            (false, true) => "MISSED",
            (false, false) => "-",
        };
        print(format_args!("  {mark:<8} {sometimes}"))?;
    }
    let missed = demanded.iter().filter(|sometimes| !reached.contains(**sometimes)).count();
    if missed > 0 {
        print(format_args!("VACUOUS: {missed} claims were never reached"))?;
        return Ok(ExitCode::from(VIOLATED));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(bar: &ProgressBar, progress: Progress, took: Duration) {
    let Progress { states, depth, frontier, bytes, .. } = progress;
    bar.set_message(format!(
        "{} states, {:.0}/s, depth {depth}, {} to expand, {}",
        HumanCount(states),
        rate(states, took),
        HumanCount(frontier),
        HumanBytes(bytes)
    ));
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64().max(0.001)
}

#[expect(clippy::disallowed_methods, reason = "nothing is simulated here; people are shown a rate")]
fn now() -> Instant {
    Instant::now()
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    // A fixed template of ours; if it were wrong the default one would do.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.with_style(style)
    } else {
        bar
    }
}
