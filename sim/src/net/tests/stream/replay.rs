//! A seed decides a whole run, and what is said does not.

use std::cell::RefCell;
use std::rc::Rc;

use madsim::runtime::Handle;

use super::*;

/// What is asked differs in length, not in number.
async fn ask_forever(endpoint: &Endpoint<u64>, to: NodeId, length: usize) {
    loop {
        let Ok(mut stream) = endpoint.connect(to).await else {
            sleep(Duration::from_millis(3)).await;
            continue;
        };
        let mut bytes = vec![0; length];
        for _ in 0..20 {
            let asked = stream.write_all(&bytes).await;
            let answered = timeout(Duration::from_secs(5), stream.read_exact(&mut bytes)).await;
            if asked.is_err() || !matches!(answered, Ok(Ok(_))) {
                break;
            }
        }
    }
}

async fn answer(mut stream: ByteStream, length: usize) {
    let mut bytes = vec![0; length];
    while stream.read_exact(&mut bytes).await.is_ok() && stream.write_all(&bytes).await.is_ok() {}
}

/// Two clients and a server; a crash, a process's end, resets and a cut on the way.
fn trace_of(seed: u64, length: usize) -> (u64, StreamStats) {
    Runtime::with_seed_and_config(seed, Config::default()).block_on(async move {
        let net: Network<u64> = Network::new(seed, 3, faulty());
        let handle = Handle::current();
        let hosts = [A, B, C].map(|node| (node, handle.create_node().build().id()));
        let start = |node: NodeId| {
            let endpoint = net.bind(node);
            let host = handle.get_node(hosts[node.index()].1).expect("it was created");
            if node == B {
                let own = host.clone();
                host.spawn(async move {
                    loop {
                        let (_, stream) = endpoint.accept().await;
                        own.spawn(answer(stream, length));
                    }
                });
            } else {
                host.spawn(async move { ask_forever(&endpoint, B, length).await });
            }
        };
        [A, B, C].into_iter().for_each(start);
        let pause = || sleep(Duration::from_millis(1_500));
        pause().await;
        net.cut(A, B);
        pause().await;
        net.reset_streams(B, C);
        net.kill(B);
        handle.kill(hosts[1].1);
        handle.restart(hosts[1].1);
        pause().await;
        start(B);
        net.heal_all();
        pause().await;
        net.end_process(B);
        handle.kill(hosts[1].1);
        handle.restart(hosts[1].1);
        pause().await;
        start(B);
        pause().await;
        let stats = net.stream_stats();
        for (node, host) in hosts {
            net.kill(node);
            handle.kill(host);
        }
        (net.trace_hash(), stats)
    })
}

#[test]
fn a_seed_replays_and_another_differs() {
    let (hash, stats) = trace_of(1, 10);
    assert_eq!((hash, stats), trace_of(1, 10));
    assert_ne!(hash, trace_of(2, 10).0);
    assert!(stats.arrived > 200 && stats.stalled > 0 && stats.reset > 0, "{stats:?}");
    assert!(stats.refused > 0 && stats.lost > 0 && stats.half_open > 0, "{stats:?}");
}

#[test]
fn how_long_messages_are_changes_nothing() {
    for seed in 1..10 {
        let short = trace_of(seed, 1);
        for length in [2, 9, 1_000, 30_000] {
            assert_eq!(short, trace_of(seed, length), "seed {seed}, {length} bytes");
        }
    }
}

/// When each of many segments from A arrives at B, if something befalls C's.
fn arrivals(befalls: fn(&Network<u64>)) -> Vec<u128> {
    run(async move {
        let Pair { net, b, mut client, mut server, a: _a } = pair(faulty()).await;
        let c = net.bind(C);
        let (mut other, _its_end) = connect(&c, &b).await;
        befalls(&net);
        let start = Duration::from_secs(10);
        sleep(start.saturating_sub(now())).await;
        let since = now();
        let arrivals = Rc::new(RefCell::new(Vec::new()));
        let reading = async {
            let mut byte = [0];
            while let Ok(Ok(1)) = timeout(Duration::from_secs(60), server.read(&mut byte)).await {
                arrivals.borrow_mut().push(now().saturating_sub(since).as_micros() / 10);
            }
        };
        let writing = async {
            for _ in 0..100 {
                say(&mut client, "x").await;
                let _reset = other.write_all(b"y").await;
            }
        };
        join!(reading, writing);
        arrivals.take()
    })
}

#[test]
fn what_befalls_one_link_leaves_the_others_alone() {
    let calm = arrivals(|_| {});
    assert_eq!(calm.len(), 100);
    assert_eq!(calm, arrivals(|net| net.cut(C, B)));
    assert_eq!(calm, arrivals(|net| net.reset_streams(B, C)));
    assert_eq!(calm, arrivals(|net| net.set_link(C, B, fixed(Duration::from_millis(1)))));
}

/// How long each of many segments takes that are sent one after the other.
fn latencies(options: LinkOptions, befalls: fn(&Network<u64>)) -> Vec<u128> {
    run(async move {
        let Pair { net, a: _a, b: _b, mut client, mut server } = pair(options).await;
        let mut latencies = Vec::new();
        for number in 0..100 {
            if number == 50 {
                befalls(&net);
            }
            sleep(QUIET).await;
            let since = now();
            say(&mut client, "x").await;
            let read = timeout(Duration::from_secs(60), server.read_u8()).await;
            read.expect("it comes").expect("it is open");
            latencies.push(now().saturating_sub(since).as_micros());
            net.heal_all();
        }
        latencies
    })
}

#[test]
fn removing_one_fault_leaves_the_other_segments_alone() {
    let changed = |one: &[u128], other: &[u128]| {
        one.iter().zip(other).filter(|(one, other)| one.abs_diff(**other) > 1).count()
    };
    let with_all = latencies(faulty(), |_| {});
    let without = [
        LinkOptions { loss_permille: 0, ..faulty() },
        LinkOptions { slow_permille: 0, ..faulty() },
        LinkOptions { reorder_permille: 0, ..faulty() },
    ];
    for options in without {
        let count = changed(&with_all, &latencies(options, |_| {}));
        assert!((3..25).contains(&count), "only those with the fault change: {count}");
    }
    let doubled = LinkOptions { duplicate_permille: 500, ..faulty() };
    assert_eq!(changed(&with_all, &latencies(doubled, |_| {})), 0, "duplicates are invisible");
    let dragged = latencies(faulty(), |net| net.drag(None, B, 30));
    assert_eq!(changed(&with_all, &dragged), 1);
}
