//! Cuts and deaths.

use super::*;

#[test]
fn a_cut_is_one_way() {
    run(async {
        let net = network(LinkOptions::default());
        let (a, b) = (net.bind(A), net.bind(B));
        net.cut(A, B);
        a.send(B, 1);
        b.send(A, 2);
        assert_eq!(drain(&b).await, []);
        assert_eq!(drain(&a).await, [(B, 2)]);
        assert_eq!(net.stats().cut_dropped, 1);
    });
}

#[test]
fn a_cut_takes_what_is_sent_during_it_and_what_is_due_during_it() {
    run(async {
        let net = network(fixed(Duration::from_millis(5)));
        let (a, b) = (net.bind(A), net.bind(B));
        a.send(B, 1);
        net.cut(A, B);
        sleep(Duration::from_millis(6)).await;
        a.send(B, 2);
        net.heal(A, B);
        a.send(B, 3);
        net.cut(A, B);
        net.heal(A, B);
        assert_eq!(drain(&b).await, [(A, 3)]);
        assert_eq!(net.stats().cut_dropped, 2);
    });
}

#[test]
fn what_is_dragged_takes_so_many_times_as_long() {
    run(async {
        let net = network(fixed(Duration::from_millis(5)));
        let (a, b) = (net.bind(A), net.bind(B));
        net.drag(Some(A), B, 10);
        a.send(B, 1);
        sleep(Duration::from_millis(45)).await;
        net.drag(Some(A), B, 1);
        a.send(B, 2);
        net.drag(None, A, 20);
        b.send(A, 3);
        sleep(Duration::from_millis(6)).await;
        assert_eq!(drain(&b).await, [(A, 1), (A, 2)]);
        assert_eq!(drain(&a).await, [(B, 3)]);
        assert_eq!(net.stats().dragged, 2);
    });
}

#[test]
fn heal_all_ends_every_cut() {
    run(async {
        let net = network(LinkOptions::default());
        let (a, b) = (net.bind(A), net.bind(B));
        net.cut(A, B);
        net.cut(B, A);
        net.heal_all();
        a.send(B, 1);
        b.send(A, 2);
        assert_eq!((drain(&b).await, drain(&a).await), (vec![(A, 1)], vec![(B, 2)]));
    });
}

#[test]
fn a_kill_takes_the_inbox_and_what_is_under_way_to_it() {
    run(async {
        let net = network(fixed(Duration::from_millis(5)));
        let (a, b) = (net.bind(A), net.bind(B));
        a.send(B, 1);
        sleep(Duration::from_millis(6)).await;
        a.send(B, 2);
        net.kill(B);
        assert_eq!(drain(&net.bind(B)).await, []);
        assert_eq!(drain(&b).await, []);
        assert_eq!(net.stats().dead_dropped, 1);
    });
}

#[test]
fn a_dead_endpoint_is_silent_and_what_it_sent_alive_still_arrives() {
    run(async {
        let net = network(LinkOptions::default());
        let (a, old) = (net.bind(A), net.bind(B));
        old.send(A, 1);
        net.kill(B);
        old.send(A, 2);
        let new = net.bind(B);
        old.send(A, 3);
        assert_eq!(drain(&a).await, [(B, 1)]);

        a.send(B, 4);
        assert_eq!(drain(&old).await, [], "an old endpoint takes none of the new one's");
        assert_eq!(drain(&new).await, [(A, 4)]);
        drop(old);
        a.send(B, 5);
        assert_eq!(drain(&new).await, [(A, 5)], "its late drop is no second death");
    });
}

#[test]
fn dropping_an_endpoint_takes_the_node_down() {
    run(async {
        let net = network(LinkOptions::default());
        let (a, b) = (net.bind(A), net.bind(B));
        drop(b);
        a.send(B, 1);
        sleep(QUIET).await;
        assert_eq!(drain(&net.bind(B)).await, []);
        assert_eq!(net.stats().dead_dropped, 1);
    });
}
