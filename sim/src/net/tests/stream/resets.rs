//! Resets.

use super::*;

#[test]
fn a_drop_with_something_unread_resets_the_peer() {
    run(async {
        let Pair { net, mut client, server, a: _a, b: _b } = pair(LinkOptions::default()).await;
        say(&mut client, "never read").await;
        sleep(QUIET).await;
        drop(server);
        assert_eq!(fails(&mut client).await, io::ErrorKind::ConnectionReset);
        assert_eq!(net.stream_stats().reset, 1);
    });
}

#[test]
fn what_arrives_after_a_drop_is_answered_by_a_reset() {
    run(async {
        let Pair { mut client, server, a: _a, b: _b, .. } = pair(LinkOptions::default()).await;
        drop(server);
        assert_eq!(heard(&mut client).await, "");
        say(&mut client, "to nobody").await;
        sleep(QUIET).await;
        assert_eq!(fails(&mut client).await, io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_reset_discards_what_was_not_yet_read() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } = pair(LinkOptions::default()).await;
        say(&mut client, "do it").await;
        assert_eq!(heard(&mut server).await, "do it");
        say(&mut server, "done").await;
        sleep(QUIET).await;
        net.reset_streams(B, A);
        assert_eq!(fails(&mut client).await, io::ErrorKind::ConnectionReset);
        assert_eq!(fails(&mut server).await, io::ErrorKind::ConnectionReset);
        assert_eq!(net.stream_stats().reset, 2);
    });
}

#[test]
fn who_waits_is_woken_by_a_reset() {
    run(async {
        let Pair { net, b, mut client, a: _a, server: _server } =
            pair(LinkOptions::default()).await;
        let c = net.bind(C);
        let (mut other, mut its_end) = connect(&c, &b).await;
        let resetting = async {
            sleep(Duration::from_millis(500)).await;
            net.reset_streams(A, B);
        };
        let (kind, ()) = join!(fails(&mut client), resetting);
        assert_eq!(kind, io::ErrorKind::ConnectionReset);
        say(&mut other, "unharmed").await;
        assert_eq!(heard(&mut its_end).await, "unharmed");
    });
}

#[test]
fn a_reset_that_meets_a_cut_is_lost() {
    run(async {
        let Pair { net, mut client, server, a: _a, b: _b } = pair(LinkOptions::default()).await;
        say(&mut client, "never read").await;
        sleep(QUIET).await;
        net.cut(B, A);
        drop(server);
        sleep(QUIET).await;
        net.heal(B, A);
        assert!(hear(&mut client).await.is_none());
        assert_eq!(net.stream_stats().resets_lost, 1);
        say(&mut client, "and this is answered").await;
        assert_eq!(fails(&mut client).await, io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn an_attempt_and_a_connection_that_nobody_has_taken_are_reset_too() {
    run(async {
        let net = network(fixed(Duration::from_millis(10)));
        let (a, b) = (net.bind(A), net.bind(B));
        b.listen();
        let mut waiting = a.connect(B).await.expect("it listens");
        sleep(QUIET).await;
        let resetting = async {
            sleep(Duration::from_millis(5)).await;
            net.reset_streams(A, B);
        };
        let (attempt, ()) = join!(a.connect(B), resetting);
        let attempt = attempt.map_err(|error| error.kind()).expect_err("it is reset");
        assert_eq!(attempt, io::ErrorKind::ConnectionReset);
        let (_, mut taken) = b.accept().await;
        for stream in [&mut waiting, &mut taken] {
            assert_eq!(fails(stream).await, io::ErrorKind::ConnectionReset);
        }
        assert!(timeout(QUIET, b.accept()).await.is_err());
    });
}
