//! What byte streams promise, one claim a test.

mod aims;
mod chaos;
mod deaths;
mod handshake;
mod outages;
mod random;
mod replay;
mod resets;
mod transfer;
mod windows;

use std::io;

use futures::join;
use madsim::time::TimeHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::net::{ByteStream, StreamOptions, StreamStats};

/// Two nodes, and a stream from the first to the second.
struct Pair {
    net: Network<u64>,
    a: Endpoint<u64>,
    b: Endpoint<u64>,
    client: ByteStream,
    server: ByteStream,
}

async fn pair(options: LinkOptions) -> Pair {
    pair_on(network(options)).await
}

async fn pair_on(net: Network<u64>) -> Pair {
    let (a, b) = (net.bind(A), net.bind(B));
    let (client, server) = connect(&a, &b).await;
    Pair { net, a, b, client, server }
}

async fn connect(a: &Endpoint<u64>, b: &Endpoint<u64>) -> (ByteStream, ByteStream) {
    let (client, (from, server)) = join!(a.connect(b.node()), b.accept());
    assert_eq!(from, a.node());
    (client.expect("it listens"), server)
}

/// Since the start of the run.
fn now() -> Duration {
    TimeHandle::current().elapsed()
}

async fn say(stream: &mut ByteStream, what: &str) {
    stream.write_all(what.as_bytes()).await.expect("it is open");
}

/// What is read next, if anything is for a while.
async fn hear(stream: &mut ByteStream) -> Option<io::Result<String>> {
    let mut bytes = [0; 64];
    let read = timeout(QUIET, stream.read(&mut bytes)).await.ok()?;
    Some(read.map(|read| String::from_utf8(bytes[..read].to_vec()).expect("as it was written")))
}

/// What is read next.
async fn heard(stream: &mut ByteStream) -> String {
    hear(stream).await.expect("something comes").expect("it is open")
}

/// How it fails next, reading.
async fn fails(stream: &mut ByteStream) -> io::ErrorKind {
    hear(stream).await.expect("something comes").expect_err("it is reset").kind()
}

/// What else there is, up to the end.
async fn rest(stream: &mut ByteStream) -> String {
    let mut rest = String::new();
    let read = timeout(QUIET, stream.read_to_string(&mut rest)).await;
    read.expect("it ends").expect("it is open");
    rest
}

fn jittery() -> LinkOptions {
    LinkOptions { latency_max: Duration::from_millis(50), ..faulty() }
}
