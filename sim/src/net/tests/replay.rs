//! A seed decides a whole run.

use madsim::runtime::Handle;

use super::*;

/// Three nodes on tasks of their own, each answering what it gets; a crash and a cut on the way.
fn trace_of(seed: u64) -> u64 {
    Runtime::with_seed_and_config(seed, Config::default()).block_on(async move {
        let net = Network::new(seed, 3, faulty());
        let start = |node| {
            let endpoint = net.bind(node);
            async move {
                for to in [A, B, C] {
                    endpoint.send(to, 0);
                }
                loop {
                    let (from, hops) = endpoint.recv().await;
                    endpoint.send(from, hops + 1);
                }
            }
        };
        let handle = Handle::current();
        let hosts = [A, B, C].map(|node| {
            let host = handle.create_node().build();
            host.spawn(start(node));
            host.id()
        });
        sleep(Duration::from_millis(20)).await;
        net.cut(A, C);
        net.kill(B);
        handle.kill(hosts[1]);
        sleep(Duration::from_millis(20)).await;
        handle.restart(hosts[1]);
        handle.get_node(hosts[1]).expect("it was created").spawn(start(B));
        net.heal_all();
        sleep(Duration::from_millis(20)).await;
        let stats = net.stats();
        assert!(stats.delivered > 50 && stats.dead_dropped > 0 && stats.cut_dropped > 0);
        for host in hosts {
            handle.kill(host);
        }
        net.trace_hash()
    })
}

#[test]
fn a_seed_replays_and_another_differs() {
    assert_eq!(trace_of(1), trace_of(1));
    assert_ne!(trace_of(1), trace_of(2));
}
