//! Faults of single messages.

use std::time::Duration;

use super::{A, B, C, drain, fixed, network, run};
use crate::history::Word;
use crate::net::{Aim, Deed, NodeId};

/// What B receives of 999, 1000, 1001, 1002 from A, of which the last three are requests to prepare.
fn received(to: Option<NodeId>, nth: u32, deed: Deed) -> Vec<u64> {
    run(async {
        let net = network(fixed(Duration::from_millis(1)));
        let (a, b, _c) = (net.bind(A), net.bind(B), net.bind(C));
        net.aim(Aim { from: None, to, word: Word::Prepare, nth, deed });
        for message in 999..1003 {
            a.send(B, message);
        }
        drain(&b).await.into_iter().map(|(_, message)| message).collect()
    })
}

#[test]
fn the_nth_message_of_its_kind_is_struck_and_no_other() {
    let after = Duration::from_millis(5);
    assert_eq!(received(None, 2, Deed::Lose), [999, 1000, 1002]);
    assert_eq!(received(None, 1, Deed::Again(after)), [999, 1000, 1001, 1002, 1000]);
    assert_eq!(received(Some(B), 1, Deed::Late(after)), [999, 1001, 1002, 1000]);
    assert_eq!(received(Some(C), 1, Deed::Lose), [999, 1000, 1001, 1002]);
    assert_eq!(received(None, 4, Deed::Lose), [999, 1000, 1001, 1002]);
}
