//! The dialer of real life: TCP sockets on a tokio runtime.
//!
//! Absent: Unix sockets, TLS, and `load_balance_hosts` (hosts are tried in their order).

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::dial::Dialer;

const DEFAULT_PORT: u16 = 5432;

/// Dials the hosts of a [`Config`] over TCP, in their order, until one accepts.
///
/// It honours the configuration's hosts, addresses, ports, connect timeout (for each host),
/// TCP user timeout and keepalives; Nagle's algorithm is off.
#[derive(Clone, Debug)]
pub struct TcpDialer {
    targets: Vec<Target>,
    connect_timeout: Option<Duration>,
    user_timeout: Option<Duration>,
    keepalive: Option<TcpKeepalive>,
}

#[derive(Clone, Debug)]
enum Target {
    Address(SocketAddr),
    Name(String, u16),
    /// A host that TCP cannot reach; kept, so that the error names it.
    Unsupported(String),
}

impl TcpDialer {
    /// A dialer for this configuration. One that names no TCP host fails when it dials.
    pub fn new(config: &Config) -> Self {
        Self {
            targets: targets(config),
            connect_timeout: config.get_connect_timeout().copied(),
            user_timeout: config.get_tcp_user_timeout().copied(),
            keepalive: config.get_keepalives().then(|| keepalive(config)),
        }
    }

    async fn try_one(&self, target: &Target) -> io::Result<TcpStream> {
        let connect = async {
            match target {
                Target::Address(address) => TcpStream::connect(address).await,
                Target::Name(name, port) => TcpStream::connect((name.as_str(), *port)).await,
                Target::Unsupported(_) => {
                    Err(io::Error::new(io::ErrorKind::Unsupported, "not a TCP host"))
                }
            }
        };
        let stream = match self.connect_timeout {
            Some(limit) => tokio::time::timeout(limit, connect).await??,
            None => connect.await?,
        };
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        if let Some(keepalive) = &self.keepalive {
            socket.set_tcp_keepalive(keepalive)?;
        }
        #[cfg(target_os = "linux")]
        if let Some(limit) = self.user_timeout {
            socket.set_tcp_user_timeout(Some(limit))?;
        }
        Ok(stream)
    }
}

impl Dialer for TcpDialer {
    type Stream = TcpStream;
    type Task = TcpTask;

    async fn dial(&self) -> io::Result<TcpStream> {
        let mut failure = None;
        for target in &self.targets {
            match self.try_one(target).await {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    failure = Some(io::Error::new(error.kind(), format!("{target}: {error}")));
                }
            }
        }
        Err(failure.unwrap_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the configuration names no host")
        }))
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TcpTask {
        TcpTask(tokio::spawn(task))
    }
}

/// A tokio task that is aborted when this is dropped.
#[derive(Debug)]
pub struct TcpTask(JoinHandle<()>);

impl Drop for TcpTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
            Self::Unsupported(host) => f.write_str(host),
        }
    }
}

/// As libpq reads them (PostgreSQL manual, "Specifying Multiple Hosts"): the lists are
/// parallel, an address stands for its host, and one port serves all.
fn targets(config: &Config) -> Vec<Target> {
    let (hosts, addresses, ports) =
        (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    (0..hosts.len().max(addresses.len()))
        .map(|i| {
            let port = ports.get(i).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
            match (addresses.get(i), hosts.get(i)) {
                (Some(address), _) => Target::Address(SocketAddr::new(*address, port)),
                (None, Some(Host::Tcp(name))) => Target::Name(name.clone(), port),
                #[cfg(unix)]
                (None, Some(Host::Unix(path))) => Target::Unsupported(path.display().to_string()),
                (None, None) => Target::Unsupported("(no host)".to_owned()),
            }
        })
        .collect()
}

fn keepalive(config: &Config) -> TcpKeepalive {
    let mut keepalive = TcpKeepalive::new().with_time(config.get_keepalives_idle());
    if let Some(interval) = config.get_keepalives_interval() {
        keepalive = keepalive.with_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        keepalive = keepalive.with_retries(retries);
    }
    keepalive
}
