//! A service with a mistake that many have: it writes to two databases with two plain commits.
//!
//! It takes an order in one database and the piece for it in another. It looks whether the order is
//! there before it begins, gives up on a database that does not answer, and never does anything twice.
//! The simulator runs it at two simulated Postgres servers, under crashes, cuts and slow disks, and finds
//! the order without its piece. `cargo run --example two_plain_commits` shows how; the same service with a
//! coordinator holds on the same seeds.

use std::time::Duration;

use indoubt::Outcome;
use indoubt_sim::service::{Databases, Machine, Service};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const ORDERS: &str = "CREATE TABLE orders (id int PRIMARY KEY, item text NOT NULL)";
const STOCK: &str = "CREATE TABLE stock (item text PRIMARY KEY, pieces int NOT NULL); \
                     INSERT INTO stock VALUES ('lamp', 1)";

const INSERT: &str = "INSERT INTO orders VALUES (1, 'lamp')";
const TAKE: &str = "UPDATE stock SET pieces = pieces - 1 WHERE item = 'lamp'";

/// No database is waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Does it, unless a database does not answer.
async fn patiently(machine: &Machine, work: impl Future<Output = Result> + Send) -> Result {
    let done = machine.within(PATIENCE, work).await;
    done.unwrap_or_else(|| Err("a database does not answer".into()))
}

async fn is_ordered(machine: &Machine) -> Result<bool> {
    let orders = machine.connect("orders").await?;
    Ok(orders.query_opt("SELECT 1 FROM orders WHERE id = 1", &[]).await?.is_some())
}

/// The mistake: whatever happens between the two commits leaves half of them.
async fn two_commits(machine: Machine) -> Result {
    let work = async {
        if is_ordered(&machine).await? {
            return Ok(());
        }
        let orders = machine.connect("orders").await?;
        orders.execute(INSERT, &[]).await?;
        machine.say("ordered");
        let stock = machine.connect("stock").await?;
        stock.execute(TAKE, &[]).await?;
        machine.say("taken");
        Ok(())
    };
    patiently(&machine, Box::pin(work)).await
}

/// The same as one transaction across both.
async fn one_transaction(machine: Machine) -> Result {
    let work = async {
        if is_ordered(&machine).await? {
            return Ok(());
        }
        let transaction = machine.coordinator().begin();
        let orders = transaction.branch(machine.participant("orders")).await?;
        orders.execute(INSERT, &[]).await?;
        let stock = transaction.branch(machine.participant("stock")).await?;
        stock.execute(TAKE, &[]).await?;
        match transaction.commit().await {
            Outcome::Committed(_) => machine.say("ordered and taken"),
            Outcome::Aborted(done) => machine.say(done.reason),
            Outcome::InDoubt(tx) => machine.say(tx.reason),
        }
        Ok(())
    };
    patiently(&machine, Box::pin(work)).await
}

async fn both_or_none(databases: Databases) -> Result {
    let (orders, stock) = (databases.connect("orders").await?, databases.connect("stock").await?);
    let ordered = orders.query_one("SELECT count(*) FROM orders", &[]).await?.get::<_, i64>(0);
    let left = stock.query_one("SELECT pieces FROM stock", &[]).await?.get::<_, i32>(0);
    if ordered + i64::from(left) == 1 {
        return Ok(());
    }
    Err(format!("{ordered} orders, and {left} pieces left of 1").into())
}

fn main() {
    let test = |service: Service| {
        service
            .database("orders", ORDERS)
            .database("stock", STOCK)
            .holds("both_or_none", "an order takes its piece, or there is no order", both_or_none)
            .seeds(100)
    };
    let caught = test(Service::new(two_commits)).caught();
    if let Some(found) = caught.smallest {
        println!(
            "{} faults are enough to leave an order without its piece",
            found.smallest.faults.len()
        );
    }
    test(Service::new(one_transaction)).check();
    println!("one transaction holds where two commits did not");
}
