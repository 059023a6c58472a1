//! A service of one's own under test: what is found, what is noticed, and what is said about it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use indoubt_sim::history::Place;
use indoubt_sim::invariants::Violation;
use indoubt_sim::scenario::{Cue, Fault, FaultKind, Scenario, Sight, When};
use indoubt_sim::service::{Databases, Machine, Service};
use indoubt_sim::world::Run;
use tokio_postgres::Error;

const ONE_ROW: &str = "CREATE TABLE counts (n int NOT NULL); INSERT INTO counts VALUES (0)";

/// Counts in one database, and then in the other.
async fn count_twice(machine: Machine) -> Result<(), String> {
    let counting = async {
        for database in ["one", "other"] {
            let client = machine.connect(database).await?;
            client.execute("UPDATE counts SET n = 1", &[]).await?;
        }
        Ok::<_, Error>(())
    };
    let counted = machine.within(Duration::from_secs(1), counting).await;
    counted.unwrap_or(Ok(())).map_err(|error| error.to_string())
}

async fn count(databases: &Databases, database: &str) -> Result<i32, Error> {
    let client = databases.connect(database).await?;
    Ok(client.query_one("SELECT n FROM counts", &[]).await?.get(0))
}

async fn both_or_none(databases: Databases) -> Result<(), String> {
    let counts = async { Ok((count(&databases, "one").await?, count(&databases, "other").await?)) };
    match counts.await {
        Ok((one, other)) if one == other => Ok(()),
        Ok((one, other)) => Err(format!("{one} here and {other} there")),
        Err(error) => Err(Error::to_string(&error)),
    }
}

fn counts_twice() -> Service {
    Service::new(count_twice).database("one", ONE_ROW).database("other", ONE_ROW).holds(
        "both_or_none",
        "it is counted in both or in none",
        both_or_none,
    )
}

/// One database, and a service that needs no more.
fn alone<F>(service: impl Fn(Machine) -> F + Send + Sync + 'static) -> Service
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    Service::new(service).database("one", ONE_ROW)
}

fn calm_scenario(service: &Service) -> Scenario {
    let scenario = (0..1_000).map(|seed| service.scenario(seed)).find(Scenario::is_calm);
    scenario.expect("one of twelve is")
}

/// Nothing fails in it.
fn calm(service: &Service) -> Run {
    service.run(&calm_scenario(service))
}

fn only_violation(run: &Run) -> &Violation {
    let [violation] = &run.violations[..] else { panic!("{:?}\n{}", run.violations, run.history) };
    violation
}

/// What a panic of this says.
fn panics(with: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(with)).expect_err("it panics");
    *panic.downcast::<String>().expect("with words")
}

/// Waits for nothing longer than a second.
async fn count_once(machine: Machine) -> Result<(), Error> {
    let counting = async {
        let client = machine.connect("one").await?;
        client.execute("UPDATE counts SET n = n + 1 WHERE n = 0", &[]).await.map(drop)
    };
    machine.within(Duration::from_secs(1), counting).await.unwrap_or(Ok(()))
}

#[test]
fn counting_in_one_database_holds() {
    async fn at_most_once(databases: Databases) -> Result<(), String> {
        let counted = count(&databases, "one").await.map_err(|error| error.to_string())?;
        if counted > 1 { Err(format!("{counted}")) } else { Ok(()) }
    }
    alone(count_once)
        .holds("at_most_once", "it is counted at most once", at_most_once)
        .seeds(200)
        .check();
}

/// The server crashes at each of its steps: also between a commit and whoever is told of it.
#[test]
fn each_commit_is_told_once() {
    async fn tell(databases: Databases) -> Result<(), String> {
        Err(count(&databases, "one").await.map_err(|error| error.to_string())?.to_string())
    }
    let service = alone(count_once).holds("tells", "how far it has counted", tell);
    let place = Place::Participant(0);
    let mut runs = [0, 0];
    for nth in 1..60 {
        let when = When::On(Cue { event: Sight::Step, at: Some(place), nth }, 0);
        let faults = vec![Fault { when, for_ms: 50, kind: FaultKind::Crash { place } }];
        let run = service.run(&Scenario { faults, ..calm_scenario(&service) });
        let told = run.history.to_string().matches("one has durably committed").count();
        assert_eq!(only_violation(&run).to_string(), format!("tells: {told}"), "{}", run.history);
        runs[told] += 1;
    }
    assert!(runs[0] > 0 && runs[1] > 0, "{runs:?}");
}

/// Moves money between two databases, several times and two at once, and gives some of it up.
async fn transfer(machine: &Machine, number: u64) -> Result<(), Box<dyn std::error::Error>> {
    let transaction = machine.coordinator().begin();
    let by = i32::try_from(machine.random_below(9))?;
    for (database, by) in [("one", -by), ("other", by)] {
        let branch = transaction.branch(machine.participant(database)).await?;
        branch.execute("UPDATE counts SET n = n + $1", &[&by]).await?;
    }
    match machine.random_below(4) {
        0 => transaction.rollback().await,
        1 => drop(transaction),
        _ => machine.say(format!("{number}: {:?}", transaction.commit().await)),
    }
    Ok(())
}

/// The invariants are asked of whoever uses the coordinator, and what ships keeps them.
#[test]
fn money_that_one_transaction_moves_stays_the_same() {
    async fn adds_up(databases: Databases) -> Result<(), String> {
        let counts =
            async { Ok((count(&databases, "one").await?, count(&databases, "other").await?)) };
        match counts.await {
            Ok((one, other)) if one + other == 0 => Ok(()),
            Ok((one, other)) => Err(format!("{one} here and {other} there")),
            Err(error) => Err(Error::to_string(&error)),
        }
    }
    Service::new(async |machine: Machine| {
        for round in 0..3 {
            let [one, other] = [2 * round, 2 * round + 1].map(|number| {
                let machine = &machine;
                async move {
                    let patience = Duration::from_secs(1);
                    let transferring = Box::pin(transfer(machine, number));
                    let done = machine.within(patience, async {
                        transferring.await.map_err(|error| error.to_string())
                    });
                    if let Some(Err(error)) = done.await {
                        machine.say(error);
                    }
                }
            });
            futures::future::join(Box::pin(one), Box::pin(other)).await;
        }
        Ok::<_, Error>(())
    })
    .database("one", ONE_ROW)
    .database("other", ONE_ROW)
    .holds("adds_up", "what one has less the other has more", adds_up)
    .seeds(150)
    .check();
}

/// Within 100 seeds, with no more than three faults, and the same again in another process.
#[test]
fn two_plain_commits_are_caught_and_the_line_replays_it() {
    let test = "two_plain_commits_are_caught_and_the_line_replays_it";
    let caught = counts_twice().seeds(100).caught();
    let broken = &caught.failure.violations[0];
    assert_eq!(broken.invariant.name(), "both_or_none");
    // What follows is for the process that searches, and not for the one that replays.
    if std::env::var_os("INDOUBT_SCENARIO").is_some() {
        return;
    }
    let smallest = caught.smallest.expect("it is looked for");
    assert!(smallest.smallest.faults.len() <= 3, "{}", smallest.smallest);
    assert_eq!(smallest.smallest.participants, 2);
    let file = std::env::temp_dir().join(format!("service-{}.toml", std::process::id()));
    std::fs::write(&file, smallest.to_string()).expect("it can be written");
    let again = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", test, "--nocapture"])
        .env("INDOUBT_SCENARIO", &file)
        .env("INDOUBT_HTML", file.with_extension("html"))
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&again.stdout);
    let (trace, what) = (format!("trace {:016x}", smallest.run.hash), &smallest.violation);
    assert!(again.status.success(), "{said}");
    assert!(said.contains(&trace) && said.contains(&format!("VIOLATION {what}")), "{said}");
    let page = std::fs::read_to_string(file.with_extension("html")).expect("it is drawn");
    assert!(page.contains("both_or_none"));
    for file in [file.with_extension("html"), file] {
        std::fs::remove_file(file).expect("it is there");
    }
}

#[test]
fn a_failure_tells_the_schedule_the_columns_and_the_lines_that_replay_it() {
    let told = panics(|| counts_twice().seeds(100).check());
    for part in ["VIOLATION at seed ", "replay that with", ".html", "participant-1", "■ committed"]
    {
        assert!(told.contains(part), "{part} is not in: {told}");
    }
}

/// Across all cores, and twice: a run depends on its scenario alone.
#[test]
fn a_run_is_the_same_run_again() {
    let service = counts_twice();
    for seed in 0..20 {
        let (one, other) =
            (service.run(&service.scenario(seed)), service.run(&service.scenario(seed)));
        assert_eq!(one.history, other.history);
        assert_eq!(one.hash, other.hash);
    }
}

#[test]
fn what_a_service_does_is_in_the_history() {
    let run = calm(&alone(async |machine| {
        machine.say(format!("drawn: {}", machine.random_below(1)));
        machine.sleep(Duration::from_millis(10)).await;
        let client = machine.connect("one").await?;
        client.execute("UPDATE counts SET n = 1", &[]).await.map(drop)
    }));
    let told = run.history.to_string();
    for line in [
        "participant-0 serves one",
        "the service begins at coordinator-0",
        "the service says: drawn: 0",
        "one has durably committed, at participant-0",
        "the service has returned",
    ] {
        assert_eq!(told.matches(line).count(), 1, "{line}: {told}");
    }
    assert_eq!(run.violations, []);
}

#[test]
fn a_panic_of_a_service_is_a_violation_with_its_words() {
    let run = calm(&alone(async |_| panic!("of the service's own making")));
    assert_eq!(only_violation(&run).to_string(), "no_panic: of the service's own making");
}

#[test]
fn a_claim_that_panics_is_broken() {
    async fn panics(_: Databases) -> Result<(), String> {
        panic!("of the claim's own making")
    }
    let run = calm(&alone(async |_| Ok(())).holds("mine", "nothing", panics));
    let violation = only_violation(&run).to_string();
    assert_eq!(violation, "mine: it panics: of the claim's own making");
}

#[test]
fn a_service_that_never_returns_does_not_come_to_rest() {
    let run = calm(&alone(async |machine| {
        machine.say("now I wait");
        std::future::pending().await
    }));
    let violation = only_violation(&run).to_string();
    assert!(violation.starts_with("termination: "), "{violation}");
    assert!(
        violation.contains("the service has not returned, and said last: now I wait"),
        "{violation}"
    );
}

#[test]
fn a_database_that_is_not_there_is_told_from_those_that_are() {
    let run = calm(&counts_twice_of(async |machine| machine.connect("another").await.map(drop)));
    let violation = only_violation(&run).to_string();
    assert_eq!(
        violation,
        "no_panic: there is no database \"another\": there is \"one\", \"other\""
    );
}

fn counts_twice_of<F>(service: impl Fn(Machine) -> F + Send + Sync + 'static) -> Service
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    alone(service).database("other", ONE_ROW)
}

#[test]
fn sql_that_fails_before_the_run_is_told_with_its_database() {
    let told = panics(|| {
        let _unseeded =
            alone(async |_| Ok(())).database("broken", "INSERT INTO nowhere VALUES (1)");
    });
    assert_eq!(
        told,
        "the database \"broken\" cannot be seeded: relation \"nowhere\" does not exist (SQLSTATE 42P01)"
    );
}

#[test]
fn a_service_that_only_fails_proves_nothing() {
    let service = alone(async |machine| {
        machine.connect("one").await?.execute("UPDATE nothing SET n = 1", &[]).await.map(drop)
    });
    let told = panics(|| service.seeds(10).check());
    assert!(told.starts_with("VACUOUS: in 10 runs the service never returned"), "{told}");
}

/// One that counts on through all runs.
#[test]
fn what_outlives_a_run_is_noticed() {
    static NEXT: AtomicI32 = AtomicI32::new(0);
    let service = alone(async |machine| {
        machine.say(NEXT.fetch_add(1, Ordering::Relaxed));
        Ok(())
    });
    let told = panics(|| service.seeds(10).check());
    assert!(told.contains("NOT DETERMINISTIC"), "{told}");
    assert!(told.contains("the first has") && told.contains("the service says: 1"), "{told}");
}

#[test]
fn the_order_of_a_hash_map_is_noticed() {
    let service = alone(async |machine: Machine| {
        #[expect(clippy::disallowed_types, reason = "that is what is to be noticed")]
        let numbers: std::collections::HashMap<i32, i32> = (0..20).map(|n| (n, n)).collect();
        let counting = async {
            let client = machine.connect("one").await?;
            for n in numbers.keys() {
                client.execute("INSERT INTO counts VALUES ($1)", &[n]).await?;
            }
            Ok(())
        };
        machine.within(Duration::from_secs(1), counting).await.unwrap_or(Ok(()))
    });
    let told = panics(|| service.seeds(10).check());
    assert!(told.contains("NOT DETERMINISTIC"), "{told}");
    assert!(told.contains("the second has") && told.contains("one ends with a log of"), "{told}");
}

#[test]
fn timers_sockets_and_tasks_of_tokio_and_threads_are_noticed() {
    fn breaks<F>(service: impl Fn(Machine) -> F + Send + Sync + 'static) -> String
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        only_violation(&calm(&alone(service))).to_string()
    }
    let no_runtime = "no_panic: there is no reactor running";
    let told = breaks(async |_| {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(())
    });
    assert!(told.starts_with(no_runtime), "{told}");
    let told = breaks(async |_| {
        drop(tokio::net::TcpStream::connect("127.0.0.1:1").await);
        Ok(())
    });
    assert!(told.starts_with(no_runtime), "{told}");
    let told = breaks(async |_| {
        drop(tokio::spawn(async {}));
        Ok(())
    });
    assert!(told.starts_with(no_runtime), "{told}");
    let told = breaks(async |_| {
        drop(std::thread::spawn(|| {}).join());
        Ok(())
    });
    assert!(told.starts_with("no_panic: "), "{told}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "that it does no harm is what is tested")]
fn instants_show_virtual_time() {
    let run = calm(&alone(async |machine| {
        let since = std::time::Instant::now();
        machine.sleep(Duration::from_secs(20)).await;
        machine.say(since.elapsed().as_secs());
        Ok(())
    }));
    assert!(run.history.to_string().contains("the service says: 20\n"), "{}", run.history);
}
