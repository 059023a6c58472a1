//! How a connection comes about, or does not.

use futures::poll;

use super::*;

#[test]
fn who_does_not_listen_refuses_after_a_round_trip() {
    run(async {
        let net = network(fixed(Duration::from_millis(10)));
        let (a, b) = (net.bind(A), net.bind(B));
        let refused = a.connect(B).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(now().as_millis(), 20);
        b.listen();
        timeout(QUIET, a.connect(B)).await.expect("it answers").expect("it listens");
        assert_eq!((net.stream_stats().dialled, net.stream_stats().refused), (2, 1));
    });
}

#[test]
fn a_machine_whose_process_has_ended_refuses() {
    run(async {
        let net = network(LinkOptions::default());
        let (a, b) = (net.bind(A), net.bind(B));
        b.listen();
        net.end_process(B);
        let refused = a.connect(B).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn across_a_cut_it_hangs_and_comes_about_after_the_heal() {
    for (from, to) in [(A, B), (B, A)] {
        run(async move {
            let net = network(LinkOptions::default());
            let (a, b) = (net.bind(A), net.bind(B));
            b.listen();
            net.cut(from, to);
            let mut connecting = Box::pin(a.connect(B));
            let hangs = timeout(Duration::from_secs(1_000), &mut connecting).await;
            assert!(hangs.is_err());
            assert!(timeout(QUIET, b.accept()).await.is_err(), "only who is heard is accepted");
            net.heal(from, to);
            let (client, (_, mut server)) = join!(connecting, b.accept());
            say(&mut client.expect("it listens"), "at last").await;
            assert_eq!(rest(&mut server).await, "at last");
        });
    }
}

#[test]
fn to_a_machine_without_power_it_hangs_until_that_has_started() {
    run(async {
        let net = network(LinkOptions::default());
        let a = net.bind(A);
        let mut connecting = Box::pin(a.connect(B));
        assert!(timeout(Duration::from_secs(1_000), &mut connecting).await.is_err());
        let b = net.bind(B);
        let (client, (_, mut server)) = join!(connecting, b.accept());
        drop(client.expect("it listens"));
        assert_eq!(rest(&mut server).await, "");

        net.kill(B);
        let hangs = timeout(Duration::from_secs(1_000), a.connect(B)).await;
        assert!(hangs.is_err());
    });
}

#[test]
fn an_attempt_that_was_given_up_is_never_seen() {
    run(async {
        let net = network(fixed(Duration::from_millis(10)));
        let (a, b) = (net.bind(A), net.bind(B));
        b.listen();
        for ms in [5, 15] {
            assert!(timeout(Duration::from_millis(ms), a.connect(B)).await.is_err());
        }
        assert!(timeout(QUIET, b.accept()).await.is_err());
    });
}

#[test]
fn connections_wait_to_be_accepted_with_what_was_written() {
    run(async {
        let net = network(LinkOptions::default());
        let (a, b, c) = (net.bind(A), net.bind(B), net.bind(C));
        b.listen();
        for (endpoint, word) in [(&a, "from a"), (&c, "from c")] {
            let mut stream = endpoint.connect(B).await.expect("it listens");
            say(&mut stream, word).await;
            sleep(QUIET).await;
        }
        for (node, word) in [(A, "from a"), (C, "from c")] {
            let (from, mut stream) = b.accept().await;
            assert_eq!((from, stream.peer(), stream.local()), (node, node, B));
            assert_eq!(rest(&mut stream).await, word);
        }
        assert_eq!(net.stream_stats().accepted, 2);
    });
}

#[test]
fn an_answer_that_dies_with_its_machine_is_asked_for_again() {
    // Not looked for yet, under way into a cut, and stalled there.
    for (looks, ms) in [(false, 15), (true, 15), (true, 25)] {
        run(async move {
            let net = network(fixed(Duration::from_millis(10)));
            let (a, b) = (net.bind(A), net.bind(B));
            b.listen();
            net.cut(B, A);
            let mut connecting = Box::pin(a.connect(B));
            if looks {
                assert!(timeout(Duration::from_millis(ms), &mut connecting).await.is_err());
            } else {
                assert!(poll!(&mut connecting).is_pending());
                sleep(Duration::from_millis(ms)).await;
            }
            net.kill(B);
            sleep(QUIET).await;
            let next_life = net.bind(B);
            next_life.listen();
            sleep(QUIET).await;
            net.heal(B, A);
            let (client, (_, mut server)) = join!(connecting, next_life.accept());
            say(&mut client.expect("it listens"), "at last").await;
            assert_eq!(rest(&mut server).await, "at last");
        });
    }
}

#[test]
fn who_listens_by_the_end_of_a_cut_does_not_refuse() {
    run(async {
        let net = network(LinkOptions::default());
        let (a, b) = (net.bind(A), net.bind(B));
        net.cut(B, A);
        let mut connecting = Box::pin(a.connect(B));
        assert!(timeout(QUIET, &mut connecting).await.is_err());
        b.listen();
        net.heal(B, A);
        timeout(QUIET, connecting).await.expect("it answers").expect("it listens");
        assert_eq!(net.stream_stats().refused, 0);
    });
}
