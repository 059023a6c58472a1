//! Transcripts: what PostgreSQL 15 answered to a script, and that this server answers the same.
//!
//! A script is a file of `tests/transcripts`; what comes of it stands beside it. With
//! `INDOUBT_RECORD=127.0.0.1:5432` (a server without a password, `max_prepared_transactions` 5, and
//! nothing in it) the answers are recorded anew from a real server. Each line is `session: SQL`;
//! `session& SQL` does not wait for the answer, `session.` waits for it then. Every session is
//! the user `postgres`, but one whose name has a role before a slash.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use indoubt_sim_postgres::{Clock, Options, Server, Wal};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

struct Session {
    stream: Box<dyn Stream>,
}

impl Session {
    async fn open(mut stream: Box<dyn Stream>, user: &str, database: &str) -> Result<Self> {
        let mut body = 196_608_i32.to_be_bytes().to_vec();
        for text in ["user", user, "database", database, ""] {
            body.extend(text.as_bytes());
            body.push(0);
        }
        let length = i32::try_from(body.len() + 4)?;
        stream.write_all(&[&length.to_be_bytes(), &body[..]].concat()).await?;
        let mut session = Self { stream };
        let answer = session.answer().await?;
        ensure!(!answer.contains("FATAL"), "{answer}");
        Ok(session)
    }

    async fn ask(&mut self, sql: &str) -> Result<()> {
        let length = i32::try_from(sql.len() + 5)?;
        let message = [&b"Q"[..], &length.to_be_bytes(), sql.as_bytes(), &[0]].concat();
        Ok(self.stream.write_all(&message).await?)
    }

    /// All up to where the session is ready again, or ends.
    async fn answer(&mut self) -> Result<String> {
        let mut told = String::new();
        loop {
            let Ok(tag) = self.stream.read_u8().await else {
                writeln!(told, "  (the session ends)")?;
                return Ok(told);
            };
            let length = usize::try_from(self.stream.read_i32().await?)? - 4;
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await?;
            match tag {
                b'Z' => {
                    writeln!(told, "  {}", char::from(body[0]))?;
                    return Ok(told);
                }
                b'C' => writeln!(told, "  {}", text(&body))?,
                b'I' => writeln!(told, "  (nothing)")?,
                b'T' => writeln!(told, "  {}", columns(&body)?)?,
                b'D' => writeln!(told, "  {}", row(&body)?)?,
                // Whether columns are described before an error depends on when it was found.
                b'E' => {
                    if told.lines().last().is_some_and(|line| line.starts_with("  [")) {
                        let end = told.trim_end().rfind('\n').map_or(0, |at| at + 1);
                        told.truncate(end);
                    }
                    writeln!(told, "  {}", complaint(&body))?;
                }
                b'N' => writeln!(told, "  {}", complaint(&body))?,
                b'A' => {
                    let channel = text(&body[4..]);
                    let payload = text(&body[5 + channel.len()..]);
                    writeln!(told, "  notified of {channel}: {payload}")?;
                }
                _ => {}
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn number(bytes: &[u8], at: usize) -> Result<i32> {
    Ok(i32::from_be_bytes(bytes.get(at..at + 4).context("cut short")?.try_into()?))
}

/// Names and types.
fn columns(body: &[u8]) -> Result<String> {
    let (mut at, mut columns) = (2, Vec::new());
    while at < body.len() {
        let name = text(&body[at..]);
        at += name.len() + 1;
        columns.push(format!("{name} {}", number(body, at + 6)?));
        at += 18;
    }
    Ok(format!("[{}]", columns.join(", ")))
}

fn row(body: &[u8]) -> Result<String> {
    let (mut at, mut values) = (2, Vec::new());
    while at < body.len() {
        let length = number(body, at)?;
        at += 4;
        match usize::try_from(length) {
            Ok(length) => {
                values.push(String::from_utf8_lossy(&body[at..at + length]).into_owned());
                at += length;
            }
            Err(_) => values.push("NULL".to_owned()),
        }
    }
    Ok(format!("({})", values.join(", ")))
}

/// An error or a notice; of what has no wording in common (a syntax error, what is not
/// supported) only the code.
fn complaint(body: &[u8]) -> String {
    let fields: BTreeMap<u8, String> =
        body.split(|b| *b == 0).filter(|f| !f.is_empty()).map(|f| (f[0], text(&f[1..]))).collect();
    let field = |letter: u8| fields.get(&letter).map(String::as_str).unwrap_or_default();
    let (severity, code) = (field(b'V'), field(b'C'));
    // Who waited for whom is told by process ids.
    if code == "42601" || code == "40P01" {
        return format!("{severity} {code}");
    }
    let mut told = format!("{severity} {code} {}", field(b'M'));
    for (letter, name) in
        [(b'D', "detail"), (b't', "table"), (b'c', "column"), (b'n', "constraint")]
    {
        if fields.contains_key(&letter) {
            let _infallible = write!(told, "; {name}: {}", field(letter));
        }
    }
    told
}

async fn play<F, Fut>(script: &str, connect: F) -> Result<String>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Box<dyn Stream>>>,
{
    let mut sessions = BTreeMap::<String, Session>::new();
    let mut told = String::new();
    for line in script.lines() {
        writeln!(told, "{line}")?;
        if line.starts_with("--") || line.trim().is_empty() {
            continue;
        }
        let at = line.find([':', '&', '.']).with_context(|| line.to_owned())?;
        let (name, rest) = line.split_at(at);
        let (how, sql) = rest.split_at(1);
        if !sessions.contains_key(name) {
            let (user, database) = match name.split_once('/') {
                Some((user, "")) => (user, "postgres"),
                Some((user, database)) => (user, database),
                None => ("postgres", "postgres"),
            };
            let session = Session::open(connect().await?, user, database).await?;
            sessions.insert(name.to_owned(), session);
        }
        let session = sessions.get_mut(name).context("it was just opened")?;
        match how {
            ":" => {
                session.ask(sql.trim()).await?;
                told += &session.answer().await?;
            }
            "&" => {
                session.ask(sql.trim()).await?;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            _ => told += &session.answer().await?,
        }
    }
    Ok(told)
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Vec<u8>>>>);

impl Wal for Memory {
    fn append(
        &self,
        record: Vec<u8>,
        _: bool,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.0.lock().expect("nobody panics").push(record);
        async { Ok(()) }
    }

    fn recover(&self) -> impl Future<Output = io::Result<Vec<Vec<u8>>>> + Send + 'static {
        let records = self.0.lock().expect("nobody panics").clone();
        async move { Ok(records) }
    }
}

struct Time(Instant);

impl Clock for Time {
    fn now(&self) -> Duration {
        Duration::from_secs(1_795_000_000) + self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(duration)
    }
}

async fn simulated(script: &str) -> Result<String> {
    let options = Options { max_prepared_transactions: 5, ..Options::default() };
    let server = Server::open(options, Memory::default(), Time(Instant::now()), ()).await?;
    let connect = || async {
        let (near, far) = tokio::io::duplex(64 * 1024);
        tokio::spawn(server.serve(far));
        Ok(Box::new(near) as Box<dyn Stream>)
    };
    play(script, connect).await
}

async fn real(address: &str, script: &str) -> Result<String> {
    let connect = || async {
        let stream = tokio::net::TcpStream::connect(address).await?;
        Ok(Box::new(stream) as Box<dyn Stream>)
    };
    play(script, connect).await
}

#[test]
fn every_script_is_answered_as_postgres_answered_it() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let record = std::env::var("INDOUBT_RECORD").ok();
    let only = std::env::var("INDOUBT_SCRIPT").ok();
    let mut differing = Vec::new();
    let mut paths: Vec<_> =
        std::fs::read_dir(&folder)?.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    let mut played = 0;
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "script")) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let script = std::fs::read_to_string(path)?;
        let transcript = path.with_extension("transcript");
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        if let Some(address) = &record {
            let told = runtime.enable_all().build()?.block_on(real(address, &script))?;
            std::fs::write(&transcript, told)?;
        }
        let expected = std::fs::read_to_string(&transcript)?;
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build()?;
        let told = runtime.block_on(simulated(&script)).with_context(|| name.clone())?;
        if told != expected {
            let line = told.lines().zip(expected.lines()).position(|(a, b)| a != b).unwrap_or(0);
            let around = |text: &str| -> String {
                text.lines().skip(line.saturating_sub(4)).take(8).collect::<Vec<_>>().join("\n")
            };
            let line = line + 1;
            println!("{name}, line {line}:\n{}\nexpected:\n{}\n", around(&told), around(&expected));
            if let Ok(folder) = std::env::var("INDOUBT_DIFFER") {
                std::fs::write(Path::new(&folder).join(&name), &told)?;
            }
            differing.push(name);
        }
        played += 1;
    }
    ensure!(played > 0, "there is no script");
    ensure!(differing.is_empty(), "these differ: {differing:?}");
    Ok(())
}
