//! A shop on the bench: orders in one database, stock in the others.

use anyhow::Result;
use indoubt::{EnlistError, Transaction};
use indoubt_real::Postgres;
use indoubt_real::bench::{Bench, Database};

/// Pieces of each item in every stock at the start.
pub(crate) const STOCK: i64 = 10;

/// The first database has the orders, the others have stock.
pub(crate) async fn open<const N: usize>(names: [&str; N]) -> Result<Bench<N>> {
    let bench = Bench::start(names).await?;
    let (orders, stocks) = split(bench.databases());
    orders
        .sql("CREATE TABLE orders (id int PRIMARY KEY, item text NOT NULL, quantity int NOT NULL)")
        .await?;
    for stock in stocks {
        let table = format!(
            "CREATE TABLE stock (item text PRIMARY KEY, quantity int NOT NULL CHECK (quantity >= 0));
             INSERT INTO stock VALUES ('lamp', {STOCK})"
        );
        stock.sql(&table).await?;
    }
    Ok(bench)
}

/// Writes an order and takes it from every stock, without committing.
pub(crate) async fn order<const N: usize>(
    transaction: &Transaction,
    participants: &[Postgres; N],
    id: i32,
    quantity: i32,
) -> Result<(), OrderError> {
    let (orders, stocks) = split(participants);
    let orders = transaction.branch(orders).await?;
    orders.execute("INSERT INTO orders VALUES ($1, 'lamp', $2)", &[&id, &quantity]).await?;
    for stock in stocks {
        let stock = transaction.branch(stock).await?;
        let take = "UPDATE stock SET quantity = quantity - $1 WHERE item = 'lamp'";
        stock.execute(take, &[&quantity]).await?;
    }
    Ok(())
}

/// What everybody sees: the number of orders, and what is left of each stock.
pub(crate) async fn look<const N: usize>(bench: &Bench<N>) -> Result<(i64, Vec<i64>)> {
    let (orders, stocks) = split(bench.databases());
    let mut left = Vec::new();
    for stock in stocks {
        left.push(stock.number("SELECT quantity FROM stock").await?);
    }
    Ok((orders.number("SELECT count(*) FROM orders").await?, left))
}

/// Rolls back by hand whatever is prepared in the database, as an operator would.
pub(crate) async fn roll_back_by_hand(database: &Database) -> Result<()> {
    for gid in database.prepared().await? {
        database.sql(&format!("ROLLBACK PREPARED '{gid}'")).await?;
    }
    Ok(())
}

fn split<T, const N: usize>(all: &[T; N]) -> (&T, &[T]) {
    all.split_first().expect("a shop has a database for its orders")
}

/// An order that could not be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderError {
    /// A branch could not be had.
    #[error(transparent)]
    Enlist(#[from] EnlistError),
    /// The database refused.
    #[error(transparent)]
    Sql(#[from] tokio_postgres::Error),
}
