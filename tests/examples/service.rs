//! The example's service as a process of its own, killed in the middle of a commit.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use indoubt_real::bench::{Bench, Database};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const LONG: Duration = Duration::from_secs(60);

/// The service, running.
struct Service {
    process: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Service {
    /// Starts it, and waits until it has recovered and listens.
    fn start(bench: &Bench<2>) -> Result<Self> {
        let [orders, stock] = bench.databases().each_ref().map(Database::connection_string);
        let mut process = Command::new(crate::example("service")?)
            .envs([("ORDERS", orders), ("STOCK", stock), ("LISTEN", "127.0.0.1:0".to_owned())])
            .env("DECISIONS", bench.directory())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(process.stdout.take().context("its output is piped")?);
        let mut service = Self { process, output, address: String::new() };
        service.address = service.until_it_says("listening on ")?;
        Ok(service)
    }

    /// The rest of the first line from here on that begins so.
    fn until_it_says(&mut self, expected: &str) -> Result<String> {
        loop {
            let mut line = String::new();
            ensure!(self.output.read_line(&mut line)? > 0, "it ended without saying {expected:?}");
            if let Some(rest) = line.strip_prefix(expected) {
                return Ok(rest.trim().to_owned());
            }
        }
    }

    /// Kills it, as the kernel does when memory is short.
    fn kill(mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Asks it to end, as a supervisor does, and waits for that.
    fn stop(mut self) -> Result<()> {
        let id = self.process.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &id]).status()?.success());
        self.until_it_says("stopped cleanly")?;
        ensure!(self.process.wait()?.success());
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // After an assertion that failed; else it has ended.
        let _ended = self.process.kill();
    }
}

/// The text of the answer to a request, headers and all.
async fn ask(address: &str, request: String) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

async fn order(address: String, id: i32, quantity: i32) -> Result<String> {
    let body = format!(r#"{{"id": {id}, "item": "lamp", "quantity": {quantity}}}"#);
    let length = body.len();
    let head = "POST /orders HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-type: application/json";
    ask(&address, format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}")).await
}

/// Orders, and kills the service when the stock is about to be told this.
async fn killed_at(service: Service, stock: &Database, statement: &str, id: i32) -> Result<()> {
    stock.proxy().swallow(statement);
    let client = tokio::spawn(order(service.address.clone(), id, 1));
    stock.proxy().until_fired().await?;
    service.kill()?;
    ensure!(!client.await?.is_ok_and(|answer| answer.contains("HTTP")), "it answered");
    stock.proxy().heal();
    Ok(())
}

/// Both or none, soon: the driver sweeps again if the first sweep came too early.
async fn holds(bench: &Bench<2>, orders: i64, left: i64) -> Result<()> {
    let [at_orders, at_stock] = bench.databases();
    let settled = async {
        while bench.prepared().await? != [0, 0] {
            sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    timeout(LONG, settled).await??;
    ensure!(at_orders.number("SELECT count(*) FROM orders").await? == orders);
    ensure!(at_stock.number("SELECT quantity FROM stock").await? == left);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_killed_in_the_middle_ends_what_it_began() -> Result<()> {
    let bench = Bench::start(["orders", "stock"]).await?;
    let [orders, stock] = bench.databases();
    orders.sql("CREATE TABLE orders (id int PRIMARY KEY, item text, quantity int)").await?;
    stock.sql("CREATE TABLE stock (item text, quantity int CHECK (quantity >= 0))").await?;
    stock.sql("INSERT INTO stock VALUES ('lamp', 10)").await?;

    let service = Service::start(&bench)?;
    let answer = order(service.address.clone(), 1, 2).await?;
    let (_, gid) = answer.split_once("committed ").context(answer.clone())?;
    let request =
        format!("GET /status/{} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n", gid.trim());
    let answer = ask(&service.address, request).await?;
    ensure!(answer.ends_with("Committed\n"), "{answer}");
    let answer = order(service.address.clone(), 2, 100).await?;
    ensure!(answer.starts_with("HTTP/1.1 409"), "{answer}");
    holds(&bench, 1, 8).await?;

    // What may be over in a moment is worth another attempt, and what is wrong is not; both say why.
    stock.proxy().partition();
    let answer = order(service.address.clone(), 2, 1).await?;
    ensure!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    ensure!(answer.contains("try again: stock could not begin a branch: 127.0.0.1:"), "{answer}");
    stock.proxy().heal();
    let (admin, config) = (orders.client().await?, orders.config());
    let password = String::from_utf8_lossy(config.get_password().unwrap_or_default());
    admin.batch_execute("ALTER ROLE postgres PASSWORD 'another'").await?;
    let answer = order(service.address.clone(), 2, 1).await?;
    ensure!(answer.starts_with("HTTP/1.1 500") && answer.contains("28P01"), "{answer}");
    admin.batch_execute(&format!("ALTER ROLE postgres PASSWORD '{password}'")).await?;
    holds(&bench, 1, 8).await?;

    // Decided, and the stock not told: it is still owed, and the next life pays it.
    killed_at(service, stock, "COMMIT PREPARED", 3).await?;
    let [_, prepared] = bench.prepared().await?;
    ensure!(prepared == 1, "the stock is in doubt");
    let service = Service::start(&bench)?;
    holds(&bench, 2, 7).await?;

    // Not decided: nothing of it stays.
    killed_at(service, stock, "PREPARE TRANSACTION", 4).await?;
    let service = Service::start(&bench)?;
    holds(&bench, 2, 7).await?;

    // The client asks again.
    let answer = order(service.address.clone(), 4, 1).await?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    holds(&bench, 3, 6).await?;
    service.stop()
}
