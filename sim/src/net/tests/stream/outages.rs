//! Cuts and slowness.

use super::*;

#[test]
fn across_a_cut_bytes_wait_and_arrive_in_order_after_the_heal() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } =
            pair(fixed(Duration::from_millis(5))).await;
        say(&mut client, "under way, ").await;
        net.cut(A, B);
        say(&mut client, "during, ").await;
        assert!(hear(&mut server).await.is_none());
        say(&mut server, "the other way").await;
        assert_eq!(heard(&mut client).await, "the other way");
        client.shutdown().await.expect("it is open");
        sleep(QUIET).await;
        net.heal(A, B);
        assert_eq!(rest(&mut server).await, "under way, during, ");
        assert_eq!(net.stream_stats().stalled, 3);
        assert_eq!(net.stats(), NetStats::default());
    });
}

#[test]
fn what_is_sent_after_the_heal_does_not_overtake() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } =
            pair(fixed(Duration::from_millis(5))).await;
        net.cut(A, B);
        say(&mut client, "1").await;
        sleep(Duration::from_millis(6)).await;
        say(&mut client, "2").await;
        net.heal_all();
        say(&mut client, "3").await;
        sleep(Duration::from_millis(50)).await;
        net.cut(A, B);
        say(&mut client, "4").await;
        net.heal(A, B);
        client.shutdown().await.expect("it is open");
        assert_eq!(rest(&mut server).await, "1234");
    });
}

#[test]
fn the_end_waits_behind_a_cut_too() {
    run(async {
        let Pair { net, client, mut server, a: _a, b: _b } = pair(LinkOptions::default()).await;
        net.cut(A, B);
        drop(client);
        assert!(hear(&mut server).await.is_none());
        net.heal(A, B);
        assert_eq!(heard(&mut server).await, "");
    });
}

#[test]
fn what_is_dragged_takes_so_many_times_as_long() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } =
            pair(fixed(Duration::from_millis(5))).await;
        net.drag(None, B, 10);
        let since = now();
        say(&mut client, "slow").await;
        heard(&mut server).await;
        assert_eq!(now().saturating_sub(since).as_millis(), 50);
        assert_eq!(net.stream_stats().dragged, 1);
    });
}

#[test]
fn datagrams_and_streams_draw_from_different_random_streams() {
    run(async {
        let latency_max = Duration::from_millis(900);
        let net = network(LinkOptions { latency_max, ..LinkOptions::default() });
        let (a, b) = (net.bind(A), net.bind(B));
        let since = now();
        let _connected = join!(a.connect(B), async { b.listen() });
        let handshake = now().saturating_sub(since);
        let since = now();
        a.send(B, 1);
        b.recv().await;
        b.send(A, 1);
        a.recv().await;
        assert_ne!(handshake.as_millis(), now().saturating_sub(since).as_millis());
    });
}

#[test]
fn datagrams_and_streams_do_not_disturb_each_other() {
    let datagrams = |with_stream: bool| {
        run(async move {
            let net = network(faulty());
            let (a, b) = (net.bind(A), net.bind(B));
            if with_stream {
                let (mut client, mut server) = connect(&a, &b).await;
                say(&mut client, "between").await;
                assert_eq!(heard(&mut server).await, "between");
            }
            (0..200).for_each(|number| a.send(B, number));
            (drain(&b).await, net.stats())
        })
    };
    assert_eq!(datagrams(true), datagrams(false));
}
