//! A few points of a sweep, and a short soak, on real servers: what ships holds.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use indicatif::ProgressBar;
use indoubt_chaos::arena::Program;
use indoubt_chaos::soak::{Blow, Soak};
use indoubt_chaos::sweep::{Deed, Sweep};

fn program() -> Program {
    Program::serving(env!("CARGO_BIN_EXE_indoubt-chaos"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_each_kind_at_a_message_breaks_nothing() -> Result<()> {
    let deeds = Deed::ALL.len();
    let sweep = Sweep {
        program: program(),
        databases: 2,
        only: None,
        // One more than a multiple of the deeds, so that each has its turn.
        every: 6 * deeds + 1,
        follow: true,
        folder: PathBuf::from(env!("CARGO_TARGET_TMPDIR")),
    };
    let swept = sweep.run(&ProgressBar::hidden()).await?;
    ensure!(swept.broken.is_empty(), "{:?}", swept.broken);
    ensure!(swept.missed.is_empty(), "{:?}", swept.missed);
    ensure!(swept.ran >= deeds, "{} ran", swept.ran);
    // Both ways, at least from the login to the commit of what is prepared.
    ensure!(swept.messages.len() >= 30, "{:?}", swept.messages);
    let of = |p: u8, text: &str| {
        let about = |(at, passed): &&(u8, _)| *at == p && told(passed).starts_with(text);
        swept.messages.iter().filter(about).count()
    };
    for p in 0..2 {
        for text in ["login", "PREPARE TRANSACTION", "COMMIT PREPARED"] {
            ensure!(of(p, text) == 2, "{text} at {p}: a request and its reply");
        }
    }
    Ok(())
}

fn told(passed: &indoubt_real::containers::Passed) -> &str {
    &passed.about
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_while_clients_never_pause_break_nothing() -> Result<()> {
    let soak = Soak {
        program: program(),
        databases: 2,
        lasts: Duration::from_secs(10),
        seed: 7,
        pause: Duration::from_millis(1_500),
        clients: 4,
        follow: true,
    };
    let soaked = soak.run(&ProgressBar::hidden()).await?;
    ensure!(soaked.violations.is_empty(), "{:?}", soaked.violations);
    ensure!(soaked.scores.of(Blow::CoordinatorKilled) > 1, "{}", soaked.scores);
    ensure!(soaked.scores.of(Blow::ServerKilled) > 0, "{}", soaked.scores);
    ensure!(soaked.tally.committed > 0 && soaked.tally.openings > 2, "{}", soaked.tally);
    Ok(())
}
