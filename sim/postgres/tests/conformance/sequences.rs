//! The same random sequences at both arms, compared step by step.
//!
//! A plain run plays the same ones each time; `INDOUBT_SEQUENCES=2000` draws as many others. What
//! differs is shrunk, and printed as a script whose last step is where the two part.

use std::cell::{Cell, RefCell};

use anyhow::Result;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRng, TestRunner};
use tokio::runtime::{Builder, Runtime};

use crate::arm::Arm as _;
use crate::real::Real;
use crate::run::{Told, run};
use crate::sequence::{Step, sequence};
use crate::simulated::Simulated;
use crate::stage::Stage;

/// Fewer than the sessions of a sequence can fill.
const SLOTS: usize = 2;

/// How often a real server is asked again that has answered otherwise: some of what it does is a
/// matter of luck, and what it does at least once is right.
const TRIES: usize = 4;

/// How many sequences a plain run plays.
const SEQUENCES: u32 = 30;

fn simulated(steps: &[Step]) -> Result<Vec<Told>> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let mut stage = Stage::new(Simulated::start(SLOTS).await?);
        run(steps, &mut stage).await
    })
}

/// The real arm, and what was played at it.
struct Play {
    runtime: Runtime,
    stage: Stage<Real>,
    sequences: usize,
    steps: usize,
    /// Sequences that a real server did not answer alike each time.
    lucky: usize,
}

impl Play {
    fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let stage = Stage::new(runtime.block_on(Real::start(SLOTS))?);
        Ok(Self { runtime, stage, sequences: 0, steps: 0, lucky: 0 })
    }

    /// What both say of a sequence, if the real server never says what the simulated one does.
    fn differ(&mut self, steps: &[Step]) -> Result<Option<(Vec<Told>, Vec<Told>)>> {
        let expected = simulated(steps)?;
        self.sequences += 1;
        self.steps += expected.len();
        let mut said = None;
        for attempt in 0..TRIES {
            let real = self.runtime.block_on(run(steps, &mut self.stage))?;
            if real == expected {
                self.lucky += usize::from(attempt > 0);
                return Ok(None);
            }
            said.get_or_insert(real);
        }
        Ok(said.map(|said| (expected, said)))
    }
}

/// A script up to where the two part, and what each says there.
fn difference(simulated: &[Told], real: &[Told]) -> String {
    let alike = simulated.iter().zip(real).take_while(|(a, b)| a == b).count();
    let before: String = simulated[..alike].iter().map(|told| told.lines.as_str()).collect();
    let (Some(a), Some(b)) = (simulated.get(alike), real.get(alike)) else { return before };
    // What is seen from outside tells nothing where the answers differ already.
    let seen = |told: &Told| if a.lines == b.lines { told.seen.clone() } else { String::new() };
    let (seen_a, seen_b) = (seen(a), seen(b));
    let (a, b) = (&a.lines, &b.lines);
    format!("{before}== the simulated server\n{a}{seen_a}== the real server\n{b}{seen_b}")
}

#[test]
fn random_sequences_are_answered_alike() -> Result<()> {
    let wanted = std::env::var("INDOUBT_SEQUENCES").ok();
    let cases = wanted.as_ref().map_or(Ok(SEQUENCES), |count| count.parse())?;
    let persistence = FileFailurePersistence::WithSource("proptest-regressions");
    let config = Config {
        cases,
        max_shrink_iters: 300,
        max_shrink_time: 60_000,
        failure_persistence: Some(Box::new(persistence)),
        source_file: Some(file!()),
        ..Config::default()
    };
    let (play, first) = (RefCell::new(Play::start()?), Cell::new(true));
    let mut runner = if wanted.is_some() {
        TestRunner::new(config)
    } else {
        let rng = TestRng::deterministic_rng(config.rng_algorithm);
        TestRunner::new_with_rng(config, rng)
    };
    let result = runner.run(&sequence(), |steps| {
        let said = match play.borrow_mut().differ(&steps) {
            Ok(None) => return Ok(()),
            Ok(Some((simulated, real))) => difference(&simulated, &real),
            Err(error) => format!("{error:#}"),
        };
        if first.replace(false) {
            println!("They differ; what follows is looked for in something smaller.\n{said}");
        }
        Err(TestCaseError::fail(format!("\n{said}")))
    });
    let play = play.into_inner();
    println!(
        "{} sequences of {} steps, {} of them with luck, at {}",
        play.sequences,
        play.steps,
        play.lucky,
        play.stage.arm.name()
    );
    result.map_err(|error| anyhow::anyhow!("{error}"))
}
