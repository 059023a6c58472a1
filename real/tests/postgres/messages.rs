//! What people read when it does not work: each refusal with the advice that helps, said once,
//! and never a piece of a password.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use indoubt::{Participant as _, Vote};
use indoubt_real::containers::Server;
use indoubt_real::{Dialer, Postgres, TcpDialer, TcpTask};
use tokio::net::TcpStream;
use tokio_postgres::Config;

use crate::fake::{Fake, Manner};
use crate::scene::{Scene, connect, run};

fn unusable(text: &str) -> String {
    match Postgres::from_connection_string("orders", text) {
        Ok(_) => panic!("{text} was taken"),
        Err(error) => {
            let shown = format!("{error:?}");
            format!("{:#} {shown}", anyhow::Error::from(error))
        }
    }
}

#[test]
fn what_would_not_be_obeyed_is_refused_when_it_is_read() {
    for (text, advice) in [
        ("host=db1 sslmode=require", "sslmode=disable"),
        ("host=db1 sslmode=verify-ca", "sslmode=disable"),
        ("postgresql://db1/orders?sslmode=verify-full", "there is none in this build"),
        ("host=db1 sslnegotiation=direct", "there is none in this build"),
        ("host=db1 channel_binding=require", "there is none in this build"),
        ("host=db1 sslrootcert=/etc/ca.pem", "no TLS in this build: leave it out"),
        ("host=db1 passfile=/root/.pgpass", "passfile would not be obeyed"),
        ("service=orders", "service would not be obeyed"),
        ("host=db1 gssencmode=disable", "gssencmode would not be obeyed"),
        ("host=db1 keepalives_count=3", "keepalives_retries"),
        ("host=db1 target_session_attrs=read-only", "a branch needs a primary"),
        ("host=db1 target_session_attrs=prefer-standby", "any or read-write"),
        ("host=db1 target_session_attrs=primary", "any or read-write"),
        ("host=db1 connect_timeout=soon", "the value of connect_timeout"),
        ("host=db1 load_balance_hosts=sometimes", "the value of load_balance_hosts"),
        ("host=db1,db2 hostaddr=10.0.0.1", "one address for each host"),
        ("host=db1,db2,db3 port=1,2", "as many ports as hosts"),
        ("user=shop dbname=orders", "write host="),
        ("postgresql:///orders", "write host="),
        ("host=/var/run/postgresql", "host=127.0.0.1"),
        ("postgresql://%2Fvar%2Frun%2Fpostgresql/orders", "host=127.0.0.1"),
        ("host=db1,/var/run/postgresql", "host=127.0.0.1"),
        ("host=db1 colour=blue", "no option colour"),
        ("host=db1 user", "expected"),
    ] {
        let error = unusable(text);
        assert!(error.contains("orders") && error.contains(advice), "{text}: {error}");
    }
    for text in [
        "host=db1 sslmode=prefer target_session_attrs=read-write load_balance_hosts=random",
        "host=db1,db2 port=5433 connect_timeout=2 keepalives_idle=10 keepalives_retries=3",
        "host=a,b hostaddr=10.0.0.1,::1 port=1,2 channel_binding=prefer options='-c geqo=off'",
        "postgresql://shop:p%40ss%2Fw@db1:1,[::1]:2/orders?application_name=shop",
    ] {
        assert!(Postgres::from_connection_string("orders", text).is_ok(), "{text}");
    }
}

#[test]
fn a_configuration_made_by_hand_is_refused_by_the_check_and_by_the_first_branch() -> Result<()> {
    run(async {
        let scene = Scene::new("by_hand").await?;
        let mut tls = scene.config();
        tls.ssl_mode(tokio_postgres::config::SslMode::Require);
        let mut socket = Config::new();
        socket.host_path("/var/run/postgresql").user("postgres");
        let mut tail = Config::new();
        tail.host("tail@db1").user("postgres");
        for (config, advice) in [
            (tls, "there is none in this build"),
            (socket, "host=127.0.0.1"),
            (Config::new(), "write host="),
            (tail, "written %40"),
        ] {
            let postgres = Postgres::new("db", config);
            let check = postgres.check().await.unwrap_err().to_string();
            ensure!(check.contains(advice) && !check.contains("tail"), "{check}");
            ensure!(postgres.begin(&scene.gid()).await.unwrap_err().to_string() == check);
            ensure!(postgres.in_doubt(&scene.owner).await.unwrap_err().reason() == check);
        }
        Ok(())
    })
}

#[test]
fn no_piece_of_a_password_is_shown() {
    for text in [
        "postgresql://shop:hunter2@tail@db1/orders",
        "postgresql://shop:hunter2@tail/more@db1/orders",
        "postgresql://shop:hunter2/tail@db1/orders",
        "postgresql://shop:hunter2?tail=1@db1/orders",
        "postgresql://shop:hunter2?tail=1",
        "postgresql://shop:123?tail=1",
        "postgresql://shop:hunter2",
        "postgresql://shop:hunter2%FFtail@",
        "host=db1 password=hunter2 tail",
        "host=db1 password=hunter2 tail more=1",
        "host=db1 password=hunter2 tail=1",
        "host=db1 password='hunter2'tail",
        "host=db1 password='hunter2 tail",
        "host=db1 password=hunter2 tail' user=x",
        "password=hunter2",
        "password=hunter2 sslmode=require host=tail",
    ] {
        let error = unusable(text);
        assert!(!error.contains("hunter") && !error.contains("tail"), "{text}: {error}");
    }
}

#[test]
fn a_server_that_wants_tls_is_said_to_want_it() -> Result<()> {
    run(async {
        let scene = Scene::on(Arc::new(Server::start().await?), "wants_tls").await?;
        scene.sql("CREATE ROLE wants_tls LOGIN PASSWORD 'x'").await?;
        let client = scene.client().await?;
        let file: String = client.query_one("SHOW hba_file", &[]).await?.get(0);
        client
            .batch_execute(&format!(
                "COPY (VALUES ('host all postgres all scram-sha-256'), \
                 ('hostssl all wants_tls all scram-sha-256')) TO '{file}'; \
                 SELECT pg_reload_conf()"
            ))
            .await?;
        let mut config = scene.config();
        config.user("wants_tls").password("x");
        let postgres = Postgres::new("db", config);
        let refused = async {
            loop {
                match postgres.check().await {
                    Err(error) => return error.to_string(),
                    // The server has not read the file yet.
                    Ok(()) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let error = tokio::time::timeout(Duration::from_secs(20), refused).await?;
        ensure!(error.contains("28000") && error.contains("no encryption"), "{error}");
        ensure!(error.contains("no TLS in this build: pg_hba.conf needs a `host` line"), "{error}");
        // Which is enough.
        client
            .batch_execute(&format!(
                "COPY (VALUES ('host all all all scram-sha-256')) TO '{file}'; \
                 SELECT pg_reload_conf()"
            ))
            .await?;
        let admitted = async {
            while postgres.check().await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), admitted).await?;
        Ok(())
    })
}

#[test]
fn a_role_that_is_not_there_is_no_matter_of_tls() -> Result<()> {
    run(async {
        let scene = Scene::new("no_login").await?;
        scene.sql("CREATE ROLE no_login PASSWORD 'x'").await?;
        let mut config = scene.config();
        config.user("no_login").password("x");
        let error = Postgres::new("db", config).check().await.unwrap_err().to_string();
        ensure!(error.contains("28000") && error.contains("be allowed to log in"), "{error}");
        ensure!(!error.contains("TLS"), "{error}");
        Ok(())
    })
}

#[test]
fn whose_limit_of_connections_is_reached_is_said() -> Result<()> {
    run(async {
        let scene = Scene::new("limits").await?;
        scene.sql("CREATE ROLE limited LOGIN PASSWORD 'x' CONNECTION LIMIT 1").await?;
        let mut config = scene.config();
        config.user("limited").password("x");
        let postgres = Postgres::new("db", config.clone());
        let held = connect(&config).await?;
        let error = postgres.check().await.unwrap_err().to_string();
        ensure!(error.contains("53300") && error.contains("ALTER ROLE"), "{error}");
        ensure!(!error.contains("max_connections"), "{error}");
        scene.sql("ALTER ROLE limited CONNECTION LIMIT 3").await?;
        postgres.check().await?;
        drop(held);
        scene.sql("ALTER DATABASE limits CONNECTION LIMIT 0").await?;
        let error = postgres.check().await.unwrap_err().to_string();
        ensure!(error.contains("53300") && error.contains("ALTER DATABASE"), "{error}");
        let full = Manner::Refusing("53300", "sorry, too many clients already", "InitProcess");
        let fake = Fake::start(full).await?;
        let mut config = Config::new();
        config.user("nobody").host("127.0.0.1").port(fake.port);
        let error = Postgres::new("db", config).check().await.unwrap_err().to_string();
        ensure!(error.contains("raise max_connections"), "{error}");
        Ok(())
    })
}

/// A process that has no file descriptor left.
#[derive(Clone)]
struct NoDescriptorLeft(TcpDialer);

impl Dialer for NoDescriptorLeft {
    type Host = &'static str;
    type Address = &'static str;
    type Stream = TcpStream;
    type Task = TcpTask;

    fn hosts(&self) -> io::Result<Vec<&'static str>> {
        Ok(vec!["db1"])
    }

    async fn resolve(&self, host: &&'static str) -> io::Result<Vec<&'static str>> {
        Ok(vec![*host])
    }

    async fn dial(&self, _: &&'static str) -> io::Result<TcpStream> {
        const EMFILE: i32 = 24;
        Err(io::Error::from_raw_os_error(EMFILE))
    }

    async fn sleep(&self, duration: Duration) {
        self.0.sleep(duration).await;
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> TcpTask {
        self.0.spawn(task)
    }
}

#[test]
fn too_many_open_files_are_said_to_be_that() -> Result<()> {
    run(async {
        let (config, name) = (Config::new(), "db");
        let dialer = NoDescriptorLeft(TcpDialer::new(&config));
        let error = Postgres::with_dialer(name, config, dialer).check().await.unwrap_err();
        let error = error.to_string();
        ensure!(error.contains("too many files are open: raise the limit"), "{error}");
        ensure!(!error.contains("see that the server runs"), "{error}");
        Ok(())
    })
}

#[test]
fn a_full_table_of_locks_is_no_lack_of_prepared_slots() -> Result<()> {
    run(async {
        let server = Server::builder()
            .setting("max_locks_per_transaction", "10")
            .setting("max_connections", "10")
            .max_prepared_transactions(10)
            .start()
            .await?;
        let scene = Scene::on(Arc::new(server), "locks").await?;
        let postgres = scene.postgres();
        let branch = scene.inserted(&postgres, 1).await?;
        // Locks that outlive the statement that failed for want of more.
        let hoarder = scene.client().await?;
        let hoard = "SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 1000000) AS n";
        let full = hoarder.batch_execute(hoard).await.unwrap_err();
        ensure!(full.code().is_some_and(|code| code.code() == "53200"), "{full:?}");
        // What the branch has locked so far is moved into the table only now.
        let Vote::No(no) = postgres.prepare(&branch).await? else { anyhow::bail!("not a no") };
        ensure!(no.reason().contains("53200"), "{no}");
        ensure!(no.reason().contains("raise max_locks_per_transaction and restart"), "{no}");
        ensure!(!no.reason().contains("pg_prepared_xacts"), "{no}");
        Ok(())
    })
}

#[test]
fn a_mark_that_was_reset_is_not_called_an_end_by_hand_alone() -> Result<()> {
    run(async {
        let scene = Scene::new("reset_all").await?;
        let postgres = scene.postgres();
        for (id, statement, said, unsaid) in [
            (1, "RESET ALL", "it was cleared (RESET ALL", "is over"),
            (2, "RESET indoubt.branch", "RESET indoubt.branch", "is over"),
            (3, "COMMIT; BEGIN", "ended by hand and another begun", "is over"),
            (4, "ROLLBACK", "is over: it was ended by hand", "RESET"),
        ] {
            let branch = scene.inserted(&postgres, id).await?;
            branch.batch_execute(statement).await?;
            let Vote::No(no) = postgres.prepare(&branch).await? else {
                anyhow::bail!("{statement}: not a no")
            };
            ensure!(no.reason().contains(said) && !no.reason().contains(unsaid), "{no}");
        }
        Ok(())
    })
}

#[test]
fn a_chain_of_errors_says_everything_once() -> Result<()> {
    run(async {
        let scene = Scene::new("chain").await?;
        let mut password = scene.config();
        password.password("wrong");
        let mut database = scene.config();
        database.dbname("absent");
        let mut port = Config::new();
        port.user("nobody").host("127.0.0.1").port(1);
        let cases = [
            (password, ["28P01", "check the user and the password"]),
            (database, ["3D000", "create the database"]),
            (port, ["127.0.0.1:1", "see that the server runs"]),
        ];
        for (config, once) in cases {
            let error = Postgres::new("db", config).check().await.unwrap_err();
            let chain = format!("{:#}", anyhow::Error::from(error));
            for text in once {
                ensure!(chain.matches(text).count() == 1, "{text}: {chain}");
            }
        }
        Ok(())
    })
}
