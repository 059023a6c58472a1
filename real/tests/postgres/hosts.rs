//! The search for the server: what answers at one host never shuts the next one out.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::{Decision, Participant as _};
use indoubt_real::{Dialer, Postgres, TcpDialer, TcpTask};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_postgres::Config;
use tokio_postgres::config::{LoadBalanceHosts, TargetSessionAttrs};

use crate::fake::{Fake, Manner, STANDBY, Visits};
use crate::scene::{Scene, run};

const READ_ONLY: Manner =
    Manner::Reporting(&[("in_hot_standby", "off"), ("default_transaction_read_only", "on")]);

/// The configuration of a scene, with this port of 127.0.0.1 before the server's.
fn behind(scene: &Scene, port: u16) -> Config {
    let mut config = Config::new();
    let real = scene.config();
    config.user(real.get_user().unwrap()).password(real.get_password().unwrap());
    config.dbname(scene.name()).host("127.0.0.1").port(port);
    config.host("127.0.0.1").port(scene.server().port());
    config
}

/// That a participant takes part: begins, prepares, is listed and is finished.
async fn takes_part(scene: &Scene, config: Config, id: i32) -> Result<()> {
    let postgres = Postgres::new("db", config);
    postgres.check().await?;
    let (branch, receipt) = scene.prepared(&postgres, id).await?;
    ensure!(postgres.in_doubt(&scene.owner).await? == [branch.gid().clone()]);
    let ended = postgres.resolve(branch.gid(), Decision::Commit, &receipt).await?;
    ensure!(ended.is_as_decided() && scene.has(id).await?);
    Ok(())
}

#[test]
fn nothing_that_answers_at_the_first_host_shuts_the_second_out() -> Result<()> {
    run(async {
        let scene = Scene::new("first_host").await?;
        let first = [
            ("closing", Manner::Closing),
            ("standby", STANDBY),
            ("a standby behind a pooler", Manner::Answering(&["t", "on"])),
            ("silent", Manner::Silent),
            ("starting", Manner::Refusing("57P03", "the database system is starting up", "")),
            ("full", Manner::Refusing("53300", "sorry, too many clients already", "")),
            ("without the database", Manner::Refusing("3D000", "no such database", "")),
        ];
        for (id, (what, manner)) in (1..).zip(first) {
            let fake = Fake::start(manner).await?;
            let mut config = behind(&scene, fake.port);
            config.connect_timeout(Duration::from_secs(1));
            let done = timeout(Duration::from_secs(20), takes_part(&scene, config, id)).await;
            done.map_err(anyhow::Error::from).flatten().map_err(|error| error.context(what))?;
        }
        let closed = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        takes_part(&scene, behind(&scene, closed), 100).await
    })
}

#[test]
fn without_a_connect_timeout_a_silent_host_leaves_the_next_one_its_turn_within_a_branchs_time()
-> Result<()> {
    run(async {
        let scene = Scene::new("silent_host").await?;
        let fake = Fake::start(Manner::Silent).await?;
        let postgres = Postgres::new("db", behind(&scene, fake.port));
        // What a coordinator gives a branch to begin.
        timeout(Duration::from_secs(10), postgres.begin(&scene.gid())).await??;
        Ok(())
    })
}

#[test]
fn the_connect_timeout_is_each_hosts_own() -> Result<()> {
    run(async {
        let scene = Scene::new("timeout_each").await?;
        let (one, two) = (Fake::start(Manner::Silent).await?, Fake::start(Manner::Silent).await?);
        let mut config = behind(&scene, one.port);
        config.host("127.0.0.1").port(two.port).connect_timeout(Duration::from_secs(1));
        // The server is the second of three, so the third is not waited for.
        let start = Instant::now();
        Postgres::new("db", config.clone()).check().await?;
        let waited = start.elapsed();
        ensure!((1..2).contains(&waited.as_secs()), "one host was waited for, {waited:?}");
        let mut silent = Config::new();
        silent.user("nobody").host("127.0.0.1").port(one.port).host("127.0.0.1").port(two.port);
        silent.connect_timeout(Duration::from_secs(1));
        let start = Instant::now();
        let error = Postgres::new("db", silent).check().await.unwrap_err().to_string();
        let waited = start.elapsed();
        ensure!((2..4).contains(&waited.as_secs()), "two hosts were waited for, {waited:?}");
        ensure!(error.matches("nothing answered within 1s").count() == 2, "{error}");
        Ok(())
    })
}

#[test]
fn a_refused_authentication_ends_the_search() -> Result<()> {
    run(async {
        let visits = Visits::default();
        let refusal = Manner::Refusing("28P01", "password authentication failed", "auth_failed");
        let first = Fake::start(refusal).await?;
        let second = Fake::noting(Manner::Closing, visits.clone()).await?;
        let mut config = Config::new();
        config.user("nobody").password("wrong");
        config.host("127.0.0.1").port(first.port).host("127.0.0.1").port(second.port);
        let error = Postgres::new("db", config).check().await.unwrap_err().to_string();
        ensure!(error.contains("28P01"), "{error}");
        ensure!(visits.lock().unwrap().is_empty(), "the password was shown to the second host");
        Ok(())
    })
}

#[test]
fn target_session_attrs_is_obeyed() -> Result<()> {
    run(async {
        let scene = Scene::new("session_attrs").await?;
        for (id, manner) in [(1, READ_ONLY), (2, Manner::Answering(&["f", "on"]))] {
            let fake = Fake::start(manner).await?;
            let mut config = behind(&scene, fake.port);
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
            takes_part(&scene, config, id).await?;
        }
        scene.sql("CREATE ROLE reader LOGIN PASSWORD 'x'").await?;
        scene.sql("ALTER ROLE reader SET default_transaction_read_only = on").await?;
        let mut config = scene.config();
        config.user("reader").password("x");
        Postgres::new("db", config.clone()).check().await?;
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let error = Postgres::new("db", config.clone()).check().await.unwrap_err().to_string();
        ensure!(error.contains("reset default_transaction_read_only"), "{error}");
        config.target_session_attrs(TargetSessionAttrs::ReadOnly);
        let error = Postgres::new("db", config).check().await.unwrap_err().to_string();
        ensure!(error.contains("a branch needs a primary"), "{error}");
        Ok(())
    })
}

#[test]
fn a_random_order_begins_at_every_host() -> Result<()> {
    run(async {
        let visits = Visits::default();
        let full = || Manner::Refusing("53300", "sorry, too many clients already", "");
        let one = Fake::noting(full(), visits.clone()).await?;
        let two = Fake::noting(full(), visits.clone()).await?;
        let mut config = Config::new();
        config.user("nobody").host("127.0.0.1").port(one.port).host("127.0.0.1").port(two.port);
        let firsts = async |order| {
            let mut config = config.clone();
            let postgres = Postgres::new("db", config.load_balance_hosts(order).clone());
            for _ in 0..40 {
                ensure!(postgres.check().await.is_err());
            }
            let visits = std::mem::take(&mut *visits.lock().unwrap());
            ensure!(visits.len() == 80, "each host was tried once each time");
            Ok(visits.chunks(2).filter(|pair| pair[0] == one.port).count())
        };
        ensure!(firsts(LoadBalanceHosts::Disable).await? == 40);
        // Out of 40 tosses neither side comes up 40 times: but once in 2^39.
        ensure!((1..40).contains(&firsts(LoadBalanceHosts::Random).await?));
        Ok(())
    })
}

/// A name service in which one name stands for several addresses, and another for none.
#[derive(Clone)]
struct Names {
    tcp: TcpDialer,
    addresses: Vec<SocketAddr>,
}

impl Dialer for Names {
    type Host = &'static str;
    type Address = SocketAddr;
    type Stream = TcpStream;
    type Task = TcpTask;

    fn hosts(&self) -> io::Result<Vec<&'static str>> {
        Ok(vec!["unknown", "known"])
    }

    async fn resolve(&self, host: &&'static str) -> io::Result<Vec<SocketAddr>> {
        match *host {
            "known" => Ok(self.addresses.clone()),
            unknown => Err(io::Error::other(format!("{unknown} is in no zone"))),
        }
    }

    async fn dial(&self, address: &SocketAddr) -> io::Result<TcpStream> {
        self.tcp.dial(address).await
    }

    async fn sleep(&self, duration: Duration) {
        self.tcp.sleep(duration).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TcpTask {
        self.tcp.spawn(task)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addresses.fmt(f)
    }
}

#[test]
fn every_address_of_a_name_is_tried_and_a_name_without_one_is_passed_over() -> Result<()> {
    run(async {
        let scene = Scene::new("addresses").await?;
        let fake = Fake::start(STANDBY).await?;
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let config = scene.config();
        let with = |addresses| Names { tcp: TcpDialer::new(&config), addresses };
        let both = with(vec![address(fake.port), address(scene.server().port())]);
        Postgres::with_dialer("db", config.clone(), both).check().await?;
        let standby = with(vec![address(fake.port)]);
        let error = Postgres::with_dialer("db", config.clone(), standby).check().await;
        let error = error.unwrap_err().to_string();
        // Everything that was tried, each with what happened there and what to do.
        ensure!(error.contains("unknown: the host cannot be found: unknown is in no"), "{error}");
        ensure!(error.contains(&format!("127.0.0.1:{}: the server is a standby", fake.port)));
        ensure!(error.contains("let the participant connect to the primary"), "{error}");
        Ok(())
    })
}
