//! Bytes from one end to the other, and the end of them.

use tokio::io::{AsyncRead, AsyncWrite};

use super::*;

#[test]
fn a_stream_is_what_a_client_library_asks_for() {
    const fn is<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static>() {}
    is::<ByteStream>();
}

#[test]
fn bytes_arrive_in_order_and_once_whatever_the_link_does_to_packets() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } = pair(jittery()).await;
        let words: Vec<String> = (0..500).map(|number| format!("{number} ")).collect();
        for word in &words {
            say(&mut client, word).await;
        }
        client.shutdown().await.expect("it is open");
        let mut read = String::new();
        timeout(Duration::from_secs(60), server.read_to_string(&mut read))
            .await
            .expect("it ends")
            .expect("it is open");
        assert_eq!(read, words.concat());
        let stats = net.stream_stats();
        for count in [stats.lost, stats.slowed, stats.held_back] {
            assert!((25..100).contains(&count), "{stats:?}");
        }
        assert_eq!(stats.sent, stats.arrived, "each segment arrives once");
    });
}

#[test]
fn a_segment_takes_the_latency_of_its_link() {
    run(async {
        let Pair { mut client, mut server, a: _a, b: _b, .. } =
            pair(fixed(Duration::from_millis(7))).await;
        let since = now();
        say(&mut client, "x").await;
        heard(&mut server).await;
        let took = now().saturating_sub(since);
        assert!((7_000..7_010).contains(&took.as_micros()), "{took:?}");
    });
}

#[test]
fn a_handshake_takes_three_latencies_until_the_server_has_it() {
    run(async {
        let net = network(fixed(Duration::from_millis(10)));
        let (a, b) = (net.bind(A), net.bind(B));
        let connecting = async {
            let stream = a.connect(B).await;
            (stream, now().as_millis())
        };
        let accepting = async {
            let stream = b.accept().await;
            (stream, now().as_millis())
        };
        let ((_client, connected), (_server, accepted)) = join!(connecting, accepting);
        assert_eq!((connected, accepted), (20, 30));
    });
}

#[test]
fn half_closed_it_goes_on_in_the_other_direction() {
    run(async {
        let Pair { mut client, mut server, a: _a, b: _b, .. } = pair(LinkOptions::default()).await;
        say(&mut client, "last question").await;
        client.shutdown().await.expect("it is open");
        client.shutdown().await.expect("once more changes nothing");
        assert_eq!(rest(&mut server).await, "last question");
        assert_eq!(heard(&mut server).await, "", "the end stays the end");
        say(&mut server, "an answer, ").await;
        say(&mut server, "and another").await;
        server.shutdown().await.expect("it is open");
        assert_eq!(rest(&mut client).await, "an answer, and another");
        let written = client.write(b"more").await.map_err(|error| error.kind());
        assert_eq!(written, Err(io::ErrorKind::BrokenPipe));
    });
}

#[test]
fn a_drop_is_read_as_the_end_after_what_was_written() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } = pair(jittery()).await;
        say(&mut client, "good").await;
        say(&mut client, "bye").await;
        drop(client);
        assert_eq!(rest(&mut server).await, "goodbye");
        drop(server);
        sleep(QUIET).await;
        assert_eq!(net.stream_stats().reset, 0);
    });
}

#[test]
fn a_node_reaches_itself_whatever_the_faults() {
    run(async {
        let net = network(LinkOptions { loss_permille: 1000, ..faulty() });
        let a = net.bind(A);
        net.cut(A, A);
        let (mut client, mut server) = connect(&a, &a).await;
        say(&mut client, "echo").await;
        assert_eq!(heard(&mut server).await, "echo");
        assert_eq!(net.stream_stats().lost, 0);
    });
}

#[test]
fn several_streams_of_two_nodes_are_apart() {
    run(async {
        let Pair { a, b, mut client, mut server, .. } = pair(jittery()).await;
        let (mut back, mut forth) = connect(&b, &a).await;
        let (mut second, mut its_server) = connect(&a, &b).await;
        say(&mut second, "2").await;
        say(&mut client, "1").await;
        say(&mut back, "3").await;
        assert_eq!(heard(&mut server).await, "1");
        assert_eq!(heard(&mut its_server).await, "2");
        assert_eq!(heard(&mut forth).await, "3");
        drop(second);
        assert_eq!(heard(&mut its_server).await, "");
        say(&mut client, "4").await;
        assert_eq!(heard(&mut server).await, "4");
    });
}
