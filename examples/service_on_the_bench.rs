//! A service of one's own, tested on real servers: crashed at the worst moment, and looked at.
//!
//! ```sh
//! cargo run --example service_on_the_bench
//! ```
//!
//! The service is any code that is given its coordinator and its participants. On the bench it gets
//! those of the bench, whose decision log can be stopped before and after a decision is forced.

use anyhow::{Result, ensure};
use indoubt::{Coordinator, Outcome};
use indoubt_real::Postgres;
use indoubt_real::bench::{Bench, Moment};

/// The service: it moves money between two banks.
struct Transfers {
    coordinator: Coordinator,
    banks: [Postgres; 2],
}

impl Transfers {
    async fn transfer(&self, amount: i64) -> Result<Outcome> {
        let transaction = self.coordinator.begin();
        for (bank, change) in self.banks.iter().zip([-amount, amount]) {
            let branch = transaction.branch(bank).await?;
            branch.execute("UPDATE account SET balance = balance + $1", &[&change]).await?;
        }
        Ok(transaction.commit().await)
    }
}

/// The test: the process dies when all have voted, or when it has decided; and nothing is lost, and
/// nothing half done.
async fn survives(moment: Moment, expected: [i64; 2]) -> Result<()> {
    let bench = Bench::start(["here", "there"]).await?;
    for bank in bench.databases() {
        bank.sql("CREATE TABLE account (balance bigint); INSERT INTO account VALUES (100)").await?;
    }
    let running = bench.open().await?;
    let mut held = running.hold(moment);
    let (coordinator, banks) = (running.coordinator().clone(), running.participants().clone());
    let service = Transfers { coordinator, banks };
    let client = tokio::spawn(async move { service.transfer(30).await });
    held.reached().await?;
    running.crash().await;
    ensure!(matches!(client.await??, Outcome::InDoubt(_)), "nobody could have told it more");

    let running = bench.open().await?;
    running.settle().await?;
    for (bank, expected) in bench.databases().iter().zip(expected) {
        ensure!(bank.number("SELECT balance FROM account").await? == expected);
    }
    ensure!(bench.prepared().await? == [0, 0], "nothing is left in doubt");
    running.stop().await?;
    println!("after a crash at {moment:?} the balances are {expected:?}");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    survives(Moment::Voted, [100, 100]).await?;
    survives(Moment::Decided, [70, 130]).await
}
