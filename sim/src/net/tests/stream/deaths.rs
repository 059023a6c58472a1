//! Machines that lose power, and processes that end.

use super::*;

#[test]
fn a_power_loss_tells_nobody_and_is_noticed_by_a_reset_after_the_restart() {
    run(async {
        let Pair { net, b, mut client, server, a: _a } = pair(LinkOptions::default()).await;
        net.kill(B);
        drop((b, server));
        assert!(hear(&mut client).await.is_none());
        say(&mut client, "are you there?").await;
        assert!(hear(&mut client).await.is_none(), "the machine is off");
        let b = net.bind(B);
        assert_eq!(fails(&mut client).await, io::ErrorKind::ConnectionReset);
        let written = client.write(b"still?").await.map_err(|error| error.kind());
        assert_eq!(written, Err(io::ErrorKind::ConnectionReset));
        assert_eq!((net.stream_stats().half_open, net.stream_stats().reset), (1, 0));
        assert!(timeout(QUIET, b.accept()).await.is_err(), "it is no new connection");
    });
}

#[test]
fn who_only_reads_never_notices() {
    run(async {
        let Pair { net, mut client, a: _a, b: _b, server: _server } =
            pair(LinkOptions::default()).await;
        net.kill(B);
        let _b = net.bind(B);
        let mut byte = [0];
        assert!(timeout(Duration::from_secs(100_000), client.read(&mut byte)).await.is_err());
        client.shutdown().await.expect("it is open");
        assert_eq!(fails(&mut client).await, io::ErrorKind::ConnectionReset, "by its own end");
    });
}

#[test]
fn behind_a_cut_a_restart_is_not_noticed_before_the_heal() {
    for (from, to) in [(A, B), (B, A)] {
        run(async move {
            let Pair { net, mut client, a: _a, b: _b, server: _server } =
                pair(LinkOptions::default()).await;
            net.kill(B);
            net.cut(from, to);
            let _b = net.bind(B);
            say(&mut client, "hello?").await;
            assert!(hear(&mut client).await.is_none());
            net.heal(from, to);
            assert_eq!(fails(&mut client).await, io::ErrorKind::ConnectionReset);
        });
    }
}

#[test]
fn what_a_machine_would_have_sent_again_dies_with_it() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } =
            pair(fixed(Duration::from_millis(5))).await;
        say(&mut client, "under way").await;
        sleep(Duration::from_millis(1)).await;
        net.kill(A);
        assert_eq!(heard(&mut server).await, "under way");

        let a = net.bind(A);
        let c = net.bind(C);
        let (mut client, mut server) = connect(&a, &c).await;
        net.cut(A, C);
        say(&mut client, "waits").await;
        sleep(QUIET).await;
        net.kill(A);
        net.heal(A, C);
        assert!(hear(&mut server).await.is_none());
    });
}

#[test]
fn the_streams_of_a_dead_node_stay_pending() {
    run(async {
        let Pair { net, a, mut client, mut server, b: _b } = pair(LinkOptions::default()).await;
        say(&mut server, "too late").await;
        net.kill(A);
        assert!(hear(&mut client).await.is_none());
        assert!(timeout(QUIET, client.write(b"x")).await.is_err());
        assert!(timeout(QUIET, client.shutdown()).await.is_err());
        assert!(timeout(QUIET, a.accept()).await.is_err());
        assert!(timeout(QUIET, a.connect(B)).await.is_err());
        let _next_life = net.bind(A);
        drop(client);
        assert!(hear(&mut server).await.expect("by its data").is_err());
    });
}

#[test]
fn the_streams_of_a_process_that_ends_are_closed_by_its_machine() {
    run(async {
        let Pair { net, a, b, mut client, mut server } =
            pair(fixed(Duration::from_millis(5))).await;
        let (mut unread, mut its_end) = connect(&a, &b).await;
        say(&mut server, "last words").await;
        say(&mut unread, "never read").await;
        sleep(QUIET).await;
        net.end_process(B);
        assert!(hear(&mut server).await.is_none());
        assert_eq!(rest(&mut client).await, "last words");
        assert_eq!(fails(&mut unread).await, io::ErrorKind::ConnectionReset);
        drop((server, b));
        let b = net.bind(B);
        assert!(hear(&mut its_end).await.is_none());
        b.listen();
        timeout(QUIET, a.connect(B)).await.expect("it answers").expect("it listens");
        say(&mut client, "you?").await;
        sleep(QUIET).await;
        assert_eq!(fails(&mut client).await, io::ErrorKind::ConnectionReset);
        assert_eq!(net.stream_stats().half_open, 0, "its machine lives, and knows");
    });
}

#[test]
fn a_connection_that_nobody_has_taken_is_reset_with_the_process() {
    run(async {
        let net = network(LinkOptions::default());
        let (a, b) = (net.bind(A), net.bind(B));
        b.listen();
        let mut client = a.connect(B).await.expect("it listens");
        sleep(QUIET).await;
        net.end_process(B);
        assert_eq!(fails(&mut client).await, io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn behind_a_cut_the_end_of_a_process_is_not_seen() {
    run(async {
        let Pair { net, mut client, a: _a, b: _b, server: _server } =
            pair(LinkOptions::default()).await;
        net.cut(B, A);
        net.end_process(B);
        assert!(hear(&mut client).await.is_none());
        net.heal(B, A);
        assert_eq!(heard(&mut client).await, "");
    });
}
