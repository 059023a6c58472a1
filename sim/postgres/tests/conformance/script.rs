//! Scripts, and how they are played.
//!
//! Each line is a step. `a: SQL` asks and waits for the answer. `a& SQL` goes on as soon as the
//! session waits for somebody; `a.` waits for its answer then. `a!` is a client that leaves
//! without a farewell, `a^` a cancel request. `a> …` is a message of the extended protocol:
//! `parse NAME SQL`, `bind PORTAL NAME VALUES`, `describe S|P NAME`, `execute PORTAL ROWS`,
//! `close S|P NAME`, `sync`, whose answers are told at the `sync`; `-` is what has no name.
//! Steps of the server: `= crash`, `= slots 2` (from the next start on), `= stall` and `= go`.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend::{self, BindError};

use crate::arm::Arm;
use crate::client::Client;
use crate::stage::Stage;

/// How long a statement that is not waited for has, where it waits for no lock.
const PATIENCE: Duration = Duration::from_millis(200);

/// Plays a script, and tells what comes of it.
pub(crate) async fn play<A: Arm>(script: &str, stage: &mut Stage<A>) -> Result<String> {
    let mut told = String::new();
    for line in script.lines() {
        writeln!(told, "{line}")?;
        if line.starts_with("--") || line.trim().is_empty() {
            continue;
        }
        told += &step(line, stage).await.with_context(|| line.to_owned())?;
    }
    Ok(told)
}

async fn step<A: Arm>(line: &str, stage: &mut Stage<A>) -> Result<String> {
    if let Some(deed) = line.strip_prefix('=') {
        return serve(deed.trim(), stage).await;
    }
    let at = line.find([':', '&', '.', '!', '^', '>']).context("no step")?;
    let (name, rest) = line.split_at(at);
    let (how, text) = rest.split_at(1);
    match how {
        ":" => {
            stage.ask(name, text.trim()).await?;
            return stage.answer(name).await;
        }
        "&" => {
            stage.ask(name, text.trim()).await?;
            stage.rest(PATIENCE).await?;
        }
        "." => return stage.answer(name).await,
        "!" => {
            stage.leave(name);
            stage.rest(PATIENCE).await?;
        }
        "^" => stage.cancel(name).await?,
        _ => {
            let client = stage.session(name).await?;
            if extended(text.trim(), client).await? {
                return stage.answer(name).await;
            }
        }
    }
    Ok(String::new())
}

async fn serve<A: Arm>(deed: &str, stage: &mut Stage<A>) -> Result<String> {
    match deed.split_once(' ').unwrap_or((deed, "")) {
        ("crash", _) => stage.crash().await?,
        ("slots", count) => stage.arm.slots(count.parse()?).await?,
        ("stall", _) => stage.arm.stall(true).await?,
        ("go", _) => stage.arm.stall(false).await?,
        _ => bail!("nobody knows how to {deed}"),
    }
    Ok(String::new())
}

/// Sends a message of the extended protocol. True if an answer comes of it now.
async fn extended(text: &str, client: &mut Client) -> Result<bool> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut words = rest.splitn(2, ' ');
    let mut name = || match words.next().unwrap_or_default() {
        "-" => "",
        name => name,
    };
    let (first, second) = (name(), name());
    let kind = first.bytes().next().unwrap_or_default();
    match word {
        "parse" => client.send(|out| frontend::parse(first, second, [], out)).await?,
        "bind" => {
            let (statement, values) = second.split_once(' ').unwrap_or((second, ""));
            let statement = if statement == "-" { "" } else { statement };
            let values: Vec<_> = values.split(' ').filter(|value| !value.is_empty()).collect();
            let write = |value: &str, out: &mut bytes::BytesMut| {
                if value == "NULL" {
                    return Ok(IsNull::Yes);
                }
                out.extend_from_slice(value.as_bytes());
                Ok(IsNull::No)
            };
            let bind = |out: &mut bytes::BytesMut| {
                frontend::bind(first, statement, [], values, write, [], out).map_err(|error| {
                    match error {
                        BindError::Conversion(error) => std::io::Error::other(error),
                        BindError::Serialization(error) => error,
                    }
                })
            };
            client.send(bind).await?;
        }
        "describe" => client.send(|out| frontend::describe(kind, second, out)).await?,
        "execute" => {
            let rows = second.parse().unwrap_or(0);
            client.send(|out| frontend::execute(first, rows, out)).await?;
        }
        "close" => client.send(|out| frontend::close(kind, second, out)).await?,
        "sync" => {
            client
                .send(|out| {
                    frontend::sync(out);
                    Ok(())
                })
                .await?;
            return Ok(true);
        }
        _ => bail!("no message {word}"),
    }
    Ok(false)
}
