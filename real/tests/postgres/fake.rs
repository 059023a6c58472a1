//! What may answer in a server's place: just enough of the protocol to be taken for one.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a fake treats who connects.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Accepts, and says nothing.
    Silent,
    /// Accepts, and closes.
    Closing,
    /// Refuses the session: SQLSTATE, message, and the routine that complains.
    Refusing(&'static str, &'static str, &'static str),
    /// Opens a session, and reports these settings.
    Reporting(&'static [(&'static str, &'static str)]),
    /// Opens a session, reports nothing, and answers every query with this row.
    Answering(&'static [&'static str]),
}

pub(crate) const STANDBY: Manner =
    Manner::Reporting(&[("in_hot_standby", "on"), ("default_transaction_read_only", "off")]);

/// A listener on a port of 127.0.0.1 of its own, until it is dropped.
pub(crate) struct Fake {
    pub(crate) port: u16,
    accepting: JoinHandle<()>,
}

/// The ports that were connected to, in their order.
pub(crate) type Visits = Arc<Mutex<Vec<u16>>>;

impl Fake {
    pub(crate) async fn start(manner: Manner) -> Result<Self> {
        Self::noting(manner, Visits::default()).await
    }

    /// Notes who connects.
    pub(crate) async fn noting(manner: Manner, visits: Visits) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                visits.lock().expect("nobody panics with it").push(port);
                tokio::spawn(serve(client, manner.clone()));
            }
        });
        Ok(Self { port, accepting })
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Until the client goes away, whatever it does.
async fn serve(mut client: TcpStream, manner: Manner) {
    let _ended = converse(&mut client, manner).await;
}

async fn converse(client: &mut TcpStream, manner: Manner) -> std::io::Result<()> {
    if matches!(manner, Manner::Closing) {
        return Ok(());
    }
    let length = client.read_u32().await?;
    let mut startup = vec![0; length as usize - 4];
    client.read_exact(&mut startup).await?;
    match manner {
        Manner::Closing => {}
        Manner::Silent => drain(client).await?,
        Manner::Refusing(code, message, routine) => {
            let mut fields = Vec::new();
            for (tag, text) in
                [('S', "FATAL"), ('V', "FATAL"), ('C', code), ('M', message), ('R', routine)]
            {
                fields.extend(tag.to_string().bytes().chain(text.bytes()).chain([0]));
            }
            fields.push(0);
            client.write_all(&framed(b'E', &fields)).await?;
        }
        Manner::Reporting(settings) => {
            client.write_all(&opened(settings)).await?;
            drain(client).await?;
        }
        Manner::Answering(row) => {
            client.write_all(&opened(&[])).await?;
            while client.read_u8().await? == b'Q' {
                let length = client.read_u32().await?;
                let mut query = vec![0; length as usize - 4];
                client.read_exact(&mut query).await?;
                client.write_all(&answered(row)).await?;
            }
        }
    }
    Ok(())
}

async fn drain(client: &mut TcpStream) -> std::io::Result<()> {
    let mut ignored = [0; 1024];
    while client.read(&mut ignored).await? > 0 {}
    Ok(())
}

fn opened(settings: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = framed(b'R', &0_u32.to_be_bytes());
    for (name, value) in settings {
        let body: Vec<u8> = name.bytes().chain([0]).chain(value.bytes()).chain([0]).collect();
        bytes.extend(framed(b'S', &body));
    }
    bytes.extend(framed(b'Z', b"I"));
    bytes
}

fn answered(row: &[&str]) -> Vec<u8> {
    let count = u16::try_from(row.len()).expect("a few columns").to_be_bytes();
    let (mut columns, mut values) = (count.to_vec(), count.to_vec());
    for value in row {
        // A column of type text, without a name.
        columns.push(0);
        columns.extend([0_u32.to_be_bytes().as_slice(), &[0, 0], &25_u32.to_be_bytes()].concat());
        columns.extend([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0]);
        values.extend(u32::try_from(value.len()).expect("a few bytes").to_be_bytes());
        values.extend(value.bytes());
    }
    [framed(b'T', &columns), framed(b'D', &values), framed(b'C', b"SELECT 1\0"), framed(b'Z', b"I")]
        .concat()
}

/// A message: its tag, its length, its body.
fn framed(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a few bytes");
    [&[tag], length.to_be_bytes().as_slice(), body].concat()
}
