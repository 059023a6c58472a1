//! The dialer of real life: TCP sockets on a tokio runtime.
//!
//! The one place of the adapter where names are looked up and, for `load_balance_hosts=random`,
//! chance decides. Absent: Unix sockets and TLS, which are refused when a configuration is read.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinHandle;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts};

use super::dial::Dialer;

const DEFAULT_PORT: u16 = 5432;

/// Dials the hosts of a [`Config`] over TCP.
///
/// It honours the configuration's hosts, addresses, ports, `load_balance_hosts`, TCP user
/// timeout (on Linux) and keepalives; Nagle's algorithm is off. A name that stands for several
/// addresses has all of them tried. The connect timeout bounds a whole attempt, start-up
/// included, so it is kept by the adapter and not here.
#[derive(Clone, Debug)]
pub struct TcpDialer {
    /// Or why there is none; kept for the first session, since a dialer is made without fail.
    hosts: Result<Vec<TcpHost>, &'static str>,
    shuffle: bool,
    user_timeout: Option<Duration>,
    keepalive: Option<TcpKeepalive>,
}

/// A host of a configuration, with its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpHost {
    /// An address, with which the name service has nothing to do.
    Address(SocketAddr),
    /// A name, which is looked up for each session.
    Name(String, u16),
}

impl TcpDialer {
    /// A dialer for this configuration. If its hosts cannot be dialled over TCP, every attempt
    /// fails and says why.
    pub fn new(config: &Config) -> Self {
        Self {
            hosts: hosts(config),
            shuffle: config.get_load_balance_hosts() == LoadBalanceHosts::Random,
            user_timeout: config.get_tcp_user_timeout().copied(),
            keepalive: config.get_keepalives().then(|| keepalive(config)),
        }
    }

    fn ordered<T>(&self, mut items: Vec<T>) -> Vec<T> {
        if self.shuffle {
            fastrand::shuffle(&mut items);
        }
        items
    }
}

impl Dialer for TcpDialer {
    type Host = TcpHost;
    type Address = SocketAddr;
    type Stream = TcpStream;
    type Task = TcpTask;

    fn hosts(&self) -> io::Result<Vec<TcpHost>> {
        match &self.hosts {
            Ok(hosts) => Ok(self.ordered(hosts.clone())),
            Err(reason) => Err(io::Error::new(io::ErrorKind::InvalidInput, *reason)),
        }
    }

    async fn resolve(&self, host: &TcpHost) -> io::Result<Vec<SocketAddr>> {
        match host {
            TcpHost::Address(address) => Ok(vec![*address]),
            TcpHost::Name(name, port) => {
                Ok(self.ordered(lookup_host((name.as_str(), *port)).await?.collect()))
            }
        }
    }

    async fn dial(&self, address: &SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
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

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
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

impl fmt::Display for TcpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}

/// As libpq reads them (PostgreSQL manual, "Specifying Multiple Hosts"): the lists are
/// parallel, an address stands for its host, and one port serves all.
///
/// # Errors
/// What is wrong with them, and what to write. Never a host itself: what stands in its place
/// may be the end of a password.
pub(super) fn hosts(config: &Config) -> Result<Vec<TcpHost>, &'static str> {
    let (hosts, addresses, ports) =
        (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = hosts.len().max(addresses.len());
    if count == 0 {
        return Err("it names no host: write host=…, as without one libpq would take a Unix \
                    socket, and this build speaks TCP only");
    }
    if !hosts.is_empty() && !addresses.is_empty() && hosts.len() != addresses.len() {
        return Err("host and hostaddr name different numbers of hosts: write one address for \
                    each host");
    }
    if ports.len() > 1 && ports.len() != count {
        return Err("there are neither one port for all hosts nor one for each: write as many \
                    ports as hosts");
    }
    (0..count)
        .map(|i| {
            let port = ports.get(i).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
            match (addresses.get(i), hosts.get(i)) {
                (Some(address), _) => Ok(TcpHost::Address(SocketAddr::new(*address, port))),
                (None, Some(Host::Tcp(name))) if name.is_empty() => {
                    Err("one of its hosts is empty: write host=…")
                }
                (None, Some(Host::Tcp(name))) if name.contains(NEVER_IN_A_NAME) => {
                    Err("one of its hosts is no name of a host: in a URL, an @ in a password is \
                         written %40, and a / is written %2F")
                }
                (None, Some(Host::Tcp(name))) => Ok(TcpHost::Name(name.clone(), port)),
                (None, _) => Err("it names a Unix socket, and this build speaks TCP only: write \
                                  host=127.0.0.1 for a server on this machine, and let it listen \
                                  there (listen_addresses)"),
            }
        })
        .collect()
}

/// What stands in the place of a host when a URL was not written as one.
const NEVER_IN_A_NAME: [char; 6] = ['@', '/', '?', '#', '=', ' '];

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
