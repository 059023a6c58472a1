//! What a run costs with the shipped adapter at simulated servers, beside the same run at simulated
//! databases and a bare loop of the same client: twenty transactions at two of three databases each.
//!
//! `cargo bench -p indoubt-sim --bench adapter`. The three are alternated; what counts is their ratios.

#![expect(clippy::disallowed_methods, reason = "it measures, and runs are within what it measures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use indoubt_sim::harness::run;
use indoubt_sim::scenario::{Scenario, Servers};
use indoubt_sim::service::{Machine, Service};
use tokio_postgres::Error;

const ROUNDS: u32 = 5;
const SEEDS: u64 = 40;
const DATABASES: [&str; 3] = ["one", "two", "three"];

/// Both phases by hand, with a session for each branch, as the adapter has one.
async fn bare(machine: Machine) -> Result<(), Error> {
    for number in 0..20 {
        let at = [number % 3, (number + 1) % 3];
        let mut sessions = Vec::new();
        for database in at.map(|at| DATABASES[at]) {
            let client = machine.connect(database).await?;
            let add = "UPDATE rows SET value = value + $2 WHERE key = $1";
            client.batch_execute("BEGIN").await?;
            client.execute(add, &[&1_i64, &1_i64]).await?;
            sessions.push(client);
        }
        for verb in ["PREPARE TRANSACTION", "COMMIT PREPARED"] {
            for client in &sessions {
                client.batch_execute(&format!("{verb} 'branch {number}'")).await?;
            }
        }
    }
    Ok(())
}

fn main() {
    let rows =
        "CREATE TABLE rows (key bigint PRIMARY KEY, value bigint); INSERT INTO rows VALUES (1, 1)";
    let service = DATABASES.iter().fold(Service::new(bare), |all, name| all.database(*name, rows));
    let simulated = |seed| drop(black_box(run(&Scenario::reference(seed))));
    let adapter = |seed| {
        let servers = Servers::Postgres;
        drop(black_box(run(&Scenario { servers, ..Scenario::reference(seed) })));
    };
    let loops = |seed| {
        let scenario = Scenario { faults: Vec::new(), ..service.scenario(seed) };
        drop(black_box(service.run(&scenario)));
    };
    let arms: [(&str, &dyn Fn(u64)); 3] = [
        ("simulated databases", &simulated),
        ("the adapter at simulated servers", &adapter),
        ("a bare loop of the client", &loops),
    ];
    let mut took = [Duration::ZERO; 3];
    for round in 0..ROUNDS {
        for ((_, arm), took) in arms.iter().zip(&mut took) {
            let start = Instant::now();
            (0..SEEDS).for_each(arm);
            // The first warms up.
            *took += if round == 0 { Duration::ZERO } else { start.elapsed() };
        }
    }
    let runs = u32::try_from(SEEDS).expect("they are few") * (ROUNDS - 1);
    for ((name, _), took) in arms.iter().zip(took) {
        let a_second = f64::from(runs) / took.as_secs_f64();
        println!("{a_second:>8.0} runs a second: {name}");
    }
}
