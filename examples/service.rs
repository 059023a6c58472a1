//! A service over HTTP: an order is written to two databases, or to none.
//!
//! ```sh
//! cargo run --example service
//! curl -d '{"id": 1, "item": "lamp", "quantity": 2}' -H 'content-type: application/json' localhost:8080/orders
//! curl localhost:8080/status/indoubt:shop:…
//! ```
//!
//! So it starts two Postgres servers of its own, and stops at Ctrl-C. To run it as a service, say
//! where things are: `ORDERS` and `STOCK` are connection strings, `DECISIONS` is a directory on a
//! local disk, kept for ever, and `LISTEN` an address. Kill it at any moment and start it again: it
//! ends what it was at, in both databases alike. `tests/examples.rs` does that with SIGKILL.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use indoubt::{Coordinator, CoordinatorId, EnlistError, Gid, Outcome};
use indoubt_real::bench::Bench;
use indoubt_real::containers::Source;
use indoubt_real::log::{Directory, FileLog, Options};
use indoubt_real::{Postgres, TokioClock, postgres};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// What every request shares.
struct Shop {
    coordinator: Coordinator,
    orders: Postgres,
    stock: Postgres,
}

/// The id is the client's, and the orders' primary key: a client whose answer was lost sends the
/// same order again, and it is never entered twice.
#[derive(serde::Deserialize)]
struct Order {
    id: i32,
    item: String,
    quantity: i32,
}

type Answer = (StatusCode, String);

/// Why an order could not be written; its transaction is dropped, and that rolls it back.
#[derive(Debug, thiserror::Error)]
enum OrderError {
    #[error(transparent)]
    Enlist(#[from] EnlistError),
    #[error(transparent)]
    Sql(#[from] tokio_postgres::Error),
}

impl OrderError {
    /// Whether the same order, sent again, may well be written.
    fn is_retryable(&self) -> bool {
        match self {
            Self::Enlist(error) => error.is_retryable(),
            Self::Sql(error) => postgres::is_retryable(error),
        }
    }

    /// What the client is told: to come again where that helps, what a database said against the
    /// order where it did, and else that somebody here has to put something right.
    fn answer(self) -> Answer {
        let (status, what) = match &self {
            error if error.is_retryable() => (StatusCode::SERVICE_UNAVAILABLE, "try again"),
            Self::Sql(error) if error.as_db_error().is_some() => (StatusCode::CONFLICT, "refused"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "cannot be written"),
        };
        (status, format!("{what}: {:#}\n", anyhow::Error::from(self)))
    }
}

impl Shop {
    async fn order(&self, order: &Order) -> Result<Outcome, OrderError> {
        let transaction = self.coordinator.begin();
        let orders = transaction.branch(&self.orders).await?;
        let insert = "INSERT INTO orders (id, item, quantity) VALUES ($1, $2, $3)";
        orders.execute(insert, &[&order.id, &order.item, &order.quantity]).await?;
        let stock = transaction.branch(&self.stock).await?;
        let take = "UPDATE stock SET quantity = quantity - $1 WHERE item = $2";
        stock.execute(take, &[&order.quantity, &order.item]).await?;
        Ok(transaction.commit().await)
    }
}

async fn place(State(shop): State<Arc<Shop>>, Json(order): Json<Order>) -> Answer {
    match shop.order(&order).await {
        Ok(Outcome::Committed(done)) => (StatusCode::OK, format!("committed {}\n", done.gid)),
        // A no of a database, or of a rule in it: the same order may be worth another attempt.
        Ok(Outcome::Aborted(done)) if done.reason.is_retryable() => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("rolled back, try again: {}\n", done.reason))
        }
        Ok(Outcome::Aborted(done)) => {
            (StatusCode::CONFLICT, format!("rolled back: {}\n", done.reason))
        }
        // Not a failure: it will be one of the two, and the gid is how to ask which.
        Ok(Outcome::InDoubt(tx)) => (StatusCode::ACCEPTED, format!("in doubt {}\n", tx.gid)),
        Err(error) => error.answer(),
    }
}

async fn status(State(shop): State<Arc<Shop>>, Path(gid): Path<String>) -> Answer {
    let gid: Gid = match gid.parse() {
        Ok(gid) => gid,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    match shop.coordinator.status(&gid).await {
        Ok(status) => (StatusCode::OK, format!("{status:?}\n")),
        Err(error) => (StatusCode::NOT_FOUND, format!("{error}\n")),
    }
}

/// Completes at Ctrl-C and at SIGTERM, with which a service is asked to end.
async fn asked_to_stop() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

async fn serve(orders: &str, stock: &str, decisions: &str, listen: &str) -> Result<()> {
    let orders = Postgres::from_connection_string("orders", orders)?;
    let stock = Postgres::from_connection_string("stock", stock)?;
    // A server that cannot take part is better found out now than by a client.
    orders.check().await?;
    stock.check().await?;

    let id: CoordinatorId = "shop".parse()?;
    let log = FileLog::open(Directory::new(decisions)?, id, Options::default()).await?;
    let (coordinator, driver) = Coordinator::builder(log, TokioClock)
        .participant(orders.clone())
        .participant(stock.clone())
        .on_heuristic(|heuristic| eprintln!("call an operator: {heuristic}"))
        .build()?;
    let driver = tokio::spawn(driver.run());

    // The driver recovers by itself, again and again. A sweep before the first client only means
    // that nobody meets what the last life of this service has left locked.
    println!("recovered: {}", coordinator.recover().await);

    let shop = Arc::new(Shop { coordinator, orders, stock });
    let router = Router::new()
        .route("/orders", post(place))
        .route("/status/{gid}", get(status))
        .with_state(shop);
    let listener = TcpListener::bind(listen).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, router).with_graceful_shutdown(asked_to_stop()).await?;

    // The last request has been answered and the last handle is gone, so the driver ends what is in
    // flight, and has the log write down what it noted.
    driver.await?;
    println!("stopped cleanly");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let variable = |name| std::env::var(name).ok();
    let listen = variable("LISTEN").unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    if let (Some(orders), Some(stock)) = (variable("ORDERS"), variable("STOCK")) {
        let decisions = variable("DECISIONS").context("DECISIONS names no directory")?;
        return serve(&orders, &stock, &decisions, &listen).await;
    }
    let bench = Bench::start(["orders", "stock"]).await?;
    let [orders, stock] = bench.databases();
    orders.sql("CREATE TABLE orders (id int PRIMARY KEY, item text, quantity int)").await?;
    stock.sql("CREATE TABLE stock (item text, quantity int CHECK (quantity >= 0))").await?;
    stock.sql("INSERT INTO stock VALUES ('lamp', 10)").await?;
    let decisions = bench.directory().display().to_string();
    serve(&orders.connection_string(), &stock.connection_string(), &decisions, &listen).await?;
    // The signal has the harness remove its containers too, and end this process after that.
    // Servers that are none end with the bench.
    if !matches!(orders.server().source(), Source::Installed(_)) {
        std::future::pending::<()>().await;
    }
    Ok(())
}
