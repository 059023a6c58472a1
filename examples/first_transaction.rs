//! A first transaction: two Postgres databases, one order that commits, one that does not.
//!
//! ```sh
//! cargo run --example first_transaction
//! ```
//!
//! It starts its own Postgres servers, by Docker or from binaries on this machine, and says what to
//! install if there is neither. In a service of your own, the databases are there already.

use anyhow::{Result, ensure};
use indoubt::{Coordinator, CoordinatorId, Outcome};
use indoubt_real::bench::Bench;
use indoubt_real::log::{Directory, FileLog, Options};
use indoubt_real::{Postgres, TokioClock};

#[tokio::main]
async fn main() -> Result<()> {
    // Two databases, each on a server of its own. All that a service has to see to here is that
    // `max_prepared_transactions` is above 0, which is not Postgres's default.
    let bench = Bench::start(["orders", "stock"]).await?;
    let [orders, stock] = bench.databases();
    orders.sql("CREATE TABLE orders (item text)").await?;
    stock.sql("CREATE TABLE stock (item text, quantity int CHECK (quantity >= 0))").await?;
    stock.sql("INSERT INTO stock VALUES ('lamp', 1)").await?;

    // A participant is a database under a name, and the name is for ever: the log refers to it.
    let at_orders = Postgres::from_connection_string("orders", &orders.connection_string())?;
    let at_stock = Postgres::from_connection_string("stock", &stock.connection_string())?;

    // So are the coordinator's id and the directory of its decisions: they are how a restart finds
    // what was decided. One id and one directory for each replica of a service.
    let id: CoordinatorId = "shop".parse()?;
    let directory = Directory::new(bench.directory())?;
    let log = FileLog::open(directory, id, Options::default()).await?;
    let (coordinator, driver) = Coordinator::builder(log, TokioClock)
        .participant(at_orders.clone())
        .participant(at_stock.clone())
        .build()?;
    // The driver carries out what is decided, and recovers what a crash has left behind.
    let driver = tokio::spawn(driver.run());

    for attempt in ["the first lamp", "a lamp that is not there"] {
        let transaction = coordinator.begin();
        // A branch is a transaction in one of the databases, and takes any SQL.
        let branch = transaction.branch(&at_orders).await?;
        branch.execute("INSERT INTO orders VALUES ('lamp')", &[]).await?;
        let branch = transaction.branch(&at_stock).await?;
        let taken = branch.execute("UPDATE stock SET quantity = quantity - 1", &[]).await;
        if let Err(error) = taken {
            // The database refuses, and the order must go too. To drop the transaction would do;
            // this waits until both branches are rolled back.
            let reason = error.as_db_error().map_or("no answer", |refusal| refusal.message());
            println!("{attempt}: {reason}");
            transaction.rollback().await;
            continue;
        }
        // Both, or neither: whatever crashes, hangs or is cut off from here on.
        match transaction.commit().await {
            Outcome::Committed(done) => println!("{attempt}: committed as {}", done.gid),
            Outcome::Aborted(done) => println!("{attempt}: rolled back, {}", done.reason),
            Outcome::InDoubt(tx) => println!("{attempt}: ask for {} later, {}", tx.gid, tx.reason),
        }
    }

    // To stop cleanly, drop every handle and await the driver.
    drop(coordinator);
    driver.await?;

    let sold = orders.number("SELECT count(*) FROM orders").await?;
    let left = stock.number("SELECT quantity FROM stock").await?;
    println!("{sold} order, {left} lamps left, {:?} branches in doubt", bench.prepared().await?);
    ensure!((sold, left) == (1, 0), "both, or neither");
    Ok(())
}
