//! Whatever befalls the nodes: what is read is the beginning of what was written, and in the end it
//! works again.

use std::sync::Arc;

use madsim::runtime::{Handle, NodeHandle};

use super::*;
use crate::draw::Draw;
use crate::net::{Course, Stage, StreamAim, StreamDeed};

/// Writes bytes that count, in pieces, until it fails.
async fn count(mut stream: ByteStream) {
    for first in 0..100_u8 {
        let piece: Vec<u8> = (0..=first % 7).map(|more| first.wrapping_add(more)).collect();
        if stream.write_all(&piece).await.is_err() {
            return;
        }
        let mut answer = [0];
        let answered = timeout(Duration::from_secs(2), stream.read_exact(&mut answer)).await;
        match answered {
            Ok(Ok(_)) => assert_eq!(answer[0], first),
            _ => return,
        }
    }
}

/// Answers each piece by its first byte, and checks that none is missing.
async fn check(mut stream: ByteStream) {
    for first in 0..100_u8 {
        let mut piece = vec![0; usize::from(first % 7 + 1)];
        if stream.read_exact(&mut piece).await.is_err() {
            return;
        }
        let expected = (0..=first % 7).map(|more| first.wrapping_add(more));
        assert!(piece.iter().copied().eq(expected), "{piece:?} after {first}");
        if stream.write_all(&[first]).await.is_err() {
            return;
        }
    }
}

/// A process that connects to the others for ever, and takes what they connect.
fn start(net: &Network<u64>, node: NodeId, host: &NodeHandle) {
    let endpoint = std::sync::Arc::new(net.bind(node));
    let (server, own) = (endpoint.clone(), host.clone());
    host.spawn(async move {
        loop {
            let (_, stream) = server.accept().await;
            own.spawn(check(stream));
        }
    });
    for to in [A, B, C].into_iter().filter(|to| *to != node) {
        let client = endpoint.clone();
        host.spawn(async move {
            loop {
                let connecting = timeout(Duration::from_secs(3), client.connect(to)).await;
                match connecting {
                    Ok(Ok(stream)) => count(stream).await,
                    _ => sleep(Duration::from_millis(50)).await,
                }
            }
        });
    }
}

fn aim(draw: &mut Draw) -> StreamAim {
    let by = Duration::from_millis(300);
    let deeds = [
        StreamDeed::Cut(Course::There),
        StreamDeed::Cut(Course::Back),
        StreamDeed::Reset,
        StreamDeed::Stall(by),
        StreamDeed::Swallow,
        StreamDeed::HalfClose,
    ];
    let deed = deeds[usize::try_from(draw.below(6)).expect("it is small")];
    let stage = if draw.permille(500) { Stage::Before } else { Stage::After };
    StreamAim { from: None, to: None, meant: Arc::new(|_| true), nth: 3, stage, deed }
}

fn survive(seed: u64) -> StreamStats {
    Runtime::with_seed_and_config(seed, Config::default()).block_on(async move {
        let net: Network<u64> = Network::new(seed, 3, faulty());
        let mut draw = Draw::new(seed, 0);
        let handle = Handle::current();
        let hosts = [A, B, C].map(|_| handle.create_node().build().id());
        let host = |node: NodeId| handle.get_node(hosts[node.index()]).expect("it was created");
        for node in [A, B, C] {
            start(&net, node, &host(node));
        }
        for _ in 0..60 {
            sleep(draw.between(Duration::ZERO, Duration::from_millis(400))).await;
            let [one, other] = [draw.below(3), draw.below(3)]
                .map(|node| NodeId(u8::try_from(node).expect("small")));
            match draw.below(7) {
                0 => net.cut(one, other),
                1 => net.heal(one, other),
                2 => net.heal_all(),
                3 => net.reset_streams(one, other),
                4 => net.aim_stream(aim(&mut draw)),
                hand => {
                    if hand == 5 {
                        net.kill(one);
                    } else {
                        net.end_process(one);
                    }
                    handle.kill(hosts[one.index()]);
                    sleep(draw.between(Duration::ZERO, Duration::from_millis(400))).await;
                    handle.restart(hosts[one.index()]);
                    start(&net, one, &host(one));
                }
            }
        }
        net.heal_all();
        sleep(Duration::from_secs(10)).await;
        let before = net.stream_stats();
        sleep(Duration::from_secs(10)).await;
        let after = net.stream_stats();
        assert!(after.arrived > before.arrived + 500, "seed {seed}: it works again");
        assert_eq!((after.stalled, after.reset), (before.stalled, before.reset), "seed {seed}");
        for node in [A, B, C] {
            net.kill(node);
            handle.kill(hosts[node.index()]);
        }
        sleep(QUIET).await;
        after
    })
}

#[test]
fn whatever_befalls_the_nodes_bytes_are_right_and_it_works_again() {
    let mut half_open = 0;
    for seed in 0..60 {
        let stats = survive(seed);
        assert!(stats.stalled > 0 && stats.reset > 0 && stats.accepted > 0, "{stats:?}");
        half_open += stats.half_open;
    }
    assert!(half_open > 10, "half-open connections are noticed: {half_open}");
}
