//! The fates of single packets.

use std::collections::BTreeMap;

use madsim::time::TimeHandle;

use super::*;

/// In microseconds, by the packet's number; of the first copy, if there are two.
type Latencies = BTreeMap<u64, u128>;

/// Sends a thousand packets at once.
async fn latencies(from: &Endpoint<u64>, to: &Endpoint<u64>) -> Latencies {
    let time = TimeHandle::current();
    let start = time.now_instant();
    (0..1000).for_each(|number| from.send(to.node(), number));
    let mut latencies = BTreeMap::new();
    while let Ok((_, number)) = timeout(QUIET, to.recv()).await {
        latencies.entry(number).or_insert_with(|| (time.now_instant() - start).as_micros());
    }
    latencies
}

fn latencies_under(options: LinkOptions) -> (Latencies, NetStats) {
    run(async move {
        let net = network(options);
        let (a, b) = (net.bind(A), net.bind(B));
        (latencies(&a, &b).await, net.stats())
    })
}

#[test]
fn without_faults_every_packet_arrives_once_within_the_bounds() {
    let (latencies, stats) = latencies_under(LinkOptions::default());
    assert_eq!(latencies.len(), 1000);
    assert!(latencies.values().all(|micros| (200..=2000).contains(micros)), "{latencies:?}");
    assert!(latencies.values().any(|micros| *micros < 300), "nothing is rounded up");
    assert_eq!(stats, NetStats { sent: 1000, delivered: 1000, ..NetStats::default() });
}

#[test]
fn each_fault_fires_and_is_counted() {
    let (latencies, stats) = latencies_under(faulty());
    for count in [stats.lost, stats.duplicated, stats.reordered, stats.slowed] {
        assert!((50..150).contains(&count), "{stats:?}");
    }
    assert_eq!(stats.delivered, 1000 - stats.lost + stats.duplicated);
    assert_eq!(latencies.len() as u64, 1000 - stats.lost);
}

#[test]
fn removing_one_fault_leaves_the_other_packets_alone() {
    let (with_all, _) = latencies_under(faulty());
    let without_loss = LinkOptions { loss_permille: 0, ..faulty() };
    let without_duplicates = LinkOptions { duplicate_permille: 0, ..faulty() };
    for without in [without_loss, without_duplicates] {
        let (others, _) = latencies_under(without);
        assert!(with_all.iter().all(|(number, micros)| others[number] == *micros));
    }
    let without_slow = LinkOptions { slow_permille: 0, ..faulty() };
    let without_reorder = LinkOptions { reorder_permille: 0, ..faulty() };
    for without in [without_slow, without_reorder] {
        let (others, _) = latencies_under(without);
        assert!(with_all.keys().eq(others.keys()), "the same packets are lost");
        assert!(with_all.iter().all(|(number, micros)| others[number] <= *micros));
        let changed = with_all.iter().filter(|(number, micros)| others[number] != **micros).count();
        assert!((50..150).contains(&changed), "those with the fault change: {changed}");
    }
}

#[test]
fn packets_of_equal_latency_arrive_in_the_order_of_their_sends() {
    run(async {
        let net = network(fixed(Duration::from_micros(3)));
        let (a, b, c) = (net.bind(A), net.bind(B), net.bind(C));
        for number in 0..100 {
            if number % 3 == 0 { &a } else { &c }.send(B, number);
        }
        let received = drain(&b).await;
        assert!(received.iter().map(|(_, number)| *number).eq(0..100), "{received:?}");
        assert!(received.iter().all(|(from, number)| (*from == A) == (number % 3 == 0)));
    });
}

#[test]
fn directed_links_are_independent() {
    let alone = latencies_under(faulty()).0;
    let (together, from_c) = run(async {
        let net = network(faulty());
        let (a, b, c) = (net.bind(A), net.bind(B), net.bind(C));
        net.set_link(B, A, LinkOptions { loss_permille: 1000, ..faulty() });
        let from_c = latencies(&c, &b).await;
        b.send(A, 0);
        a.send(C, 0);
        (latencies(&a, &b).await, from_c)
    });
    assert_eq!(alone, together);
    assert_ne!(alone, from_c, "each link draws fates of its own");
}

#[test]
fn the_seed_decides_the_fates() {
    let [seven, eight] = [7, 8].map(|seed| {
        run(async move {
            let net = Network::new(seed, 3, faulty());
            latencies(&net.bind(A), &net.bind(B)).await
        })
    });
    assert_eq!(seven, latencies_under(faulty()).0);
    assert_ne!(seven, eight);
}

#[test]
fn a_node_reaches_itself_whatever_the_faults() {
    run(async {
        let net = network(LinkOptions { loss_permille: 1000, ..faulty() });
        let a = net.bind(A);
        net.cut(A, A);
        a.send(A, 1);
        assert_eq!(drain(&a).await, [(A, 1)]);
    });
}
