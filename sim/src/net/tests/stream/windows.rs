//! Who does not read holds its writer up.

use super::*;

/// How much can be written before one has to wait.
async fn fill(stream: &mut ByteStream) -> usize {
    let mut written = 0;
    while let Ok(more) = timeout(QUIET, stream.write(&[7; 10])).await {
        written += more.expect("it is open");
    }
    written
}

async fn small() -> Pair {
    let net = network(LinkOptions::default());
    net.configure_streams(StreamOptions {
        send_buffer: 35,
        receive_window: 20,
        ..StreamOptions::default()
    });
    pair_on(net).await
}

#[test]
fn a_writer_waits_for_its_reader() {
    run(async {
        let Pair { mut client, mut server, a: _a, b: _b, .. } = small().await;
        assert_eq!(fill(&mut client).await, 55);
        let mut bytes = [0; 25];
        server.read_exact(&mut bytes).await.expect("it is open");
        assert_eq!(fill(&mut client).await, 25);
        let (written, read) = join!(client.write_all(&[9; 1_000]), async {
            let mut bytes = [0; 1_055];
            server.read_exact(&mut bytes).await.map(|_| bytes)
        });
        written.expect("it is open");
        let read = read.expect("it is open");
        assert!(
            read[..55].iter().all(|byte| *byte == 7) && read[55..].iter().all(|byte| *byte == 9)
        );
    });
}

#[test]
fn a_waiting_writer_learns_after_a_latency_that_there_is_room() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } = small().await;
        net.set_all(fixed(Duration::from_millis(30)));
        fill(&mut client).await;
        let reading = async {
            sleep(Duration::from_millis(100)).await;
            let mut bytes = [0; 10];
            server.read_exact(&mut bytes).await.expect("it is open");
        };
        let since = now();
        let (written, ()) = join!(client.write_all(b"x"), reading);
        written.expect("it is open");
        assert_eq!(now().saturating_sub(since).as_millis(), 130);
    });
}

#[test]
fn behind_a_cut_a_writer_does_not_learn_that_there_is_room() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } = small().await;
        fill(&mut client).await;
        net.cut(B, A);
        let mut bytes = [0; 55];
        server.read_exact(&mut bytes).await.expect("it is open");
        assert_eq!(fill(&mut client).await, 0);
        let healing = async {
            sleep(Duration::from_millis(100)).await;
            net.heal(B, A);
        };
        let (written, ()) = join!(timeout(QUIET, client.write_all(b"x")), healing);
        written.expect("it is woken").expect("it is open");
    });
}

#[test]
fn room_that_was_learnt_of_before_a_cut_stays() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } = small().await;
        // Nobody waits for room, so nobody is woken, and no timer armed, for what is read.
        client.write_all(&[7; 55]).await.expect("it is open");
        let mut bytes = [0; 30];
        server.read_exact(&mut bytes).await.expect("it is open");
        sleep(QUIET).await;
        net.cut(B, A);
        assert_eq!(fill(&mut client).await, 30);
    });
}

#[test]
fn a_vanished_peer_fills_the_buffers_up() {
    run(async {
        let Pair { net, mut client, a: _a, b: _b, server: _server } = small().await;
        net.kill(B);
        assert_eq!(fill(&mut client).await, 55);
        assert!(timeout(Duration::from_secs(100_000), client.write(b"x")).await.is_err());
        let _b = net.bind(B);
        let written = timeout(QUIET, client.write(b"x")).await.expect("it is woken");
        assert_eq!(written.map_err(|error| error.kind()), Err(io::ErrorKind::ConnectionReset));
    });
}
