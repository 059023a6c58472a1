//! Faults of single segments.

use std::sync::Arc;

use super::*;
use crate::net::{Course, Stage, StreamAim, StreamDeed};

fn aim(net: &Network<u64>, stage: Stage, deed: StreamDeed) {
    let meant = Arc::new(|bytes: &[u8]| bytes.starts_with(b"commit"));
    net.aim_stream(StreamAim { from: Some(A), to: None, meant, nth: 2, stage, deed });
}

/// Each request is answered until one is struck; what the server has read.
async fn ask(stage: Stage, deed: StreamDeed) -> (Pair, Vec<String>) {
    let mut pair = pair(fixed(Duration::from_millis(5))).await;
    aim(&pair.net, stage, deed);
    let mut read = Vec::new();
    for request in ["commit 1", "read", "commit 2"] {
        say(&mut pair.client, request).await;
        if let Some(Ok(request)) = hear(&mut pair.server).await {
            read.push(request);
        }
        if request != "commit 2" {
            say(&mut pair.server, "done").await;
            assert_eq!(heard(&mut pair.client).await, "done");
        }
    }
    (pair, read)
}

const BEFORE: [&str; 2] = ["commit 1", "read"];
const AFTER: [&str; 3] = ["commit 1", "read", "commit 2"];

#[test]
fn a_reset_comes_before_or_after_the_effect() {
    for (stage, expected) in [(Stage::Before, &BEFORE[..]), (Stage::After, &AFTER[..])] {
        run(async move {
            let (mut pair, read) = ask(stage, StreamDeed::Reset).await;
            assert_eq!(read, expected);
            assert_eq!(fails(&mut pair.client).await, io::ErrorKind::ConnectionReset);
            let answered = pair.server.write(b"done").await.map_err(|error| error.kind());
            assert_eq!(answered, Err(io::ErrorKind::ConnectionReset));
            assert_eq!(pair.net.stream_stats().aimed, 1);
        });
    }
}

#[test]
fn a_cut_takes_the_request_or_its_answer() {
    let cuts = [
        (Stage::Before, Course::There, &BEFORE[..]),
        (Stage::Before, Course::Back, &AFTER[..]),
        (Stage::After, Course::Both, &AFTER[..]),
    ];
    for (stage, course, expected) in cuts {
        run(async move {
            let (mut pair, mut read) = ask(stage, StreamDeed::Cut(course)).await;
            assert_eq!(read, expected);
            if course != Course::There {
                say(&mut pair.server, "done").await;
                assert!(hear(&mut pair.client).await.is_none());
            }
            pair.a.send(B, 1);
            let cut = drain(&pair.b).await.is_empty();
            assert_eq!(cut, course != Course::Back, "datagrams are cut off as well");
            pair.net.heal_all();
            if course == Course::There {
                read.push(heard(&mut pair.server).await);
                say(&mut pair.server, "done").await;
            }
            assert_eq!(read, AFTER);
            assert_eq!(heard(&mut pair.client).await, "done");
        });
    }
}

#[test]
fn a_swallowed_request_never_arrives_nor_does_what_is_behind_it() {
    for (stage, expected) in [(Stage::Before, &BEFORE[..]), (Stage::After, &AFTER[..])] {
        run(async move {
            let (mut pair, read) = ask(stage, StreamDeed::Swallow).await;
            assert_eq!(read, expected);
            say(&mut pair.client, "hello?").await;
            pair.net.heal_all();
            assert!(hear(&mut pair.server).await.is_none());
            say(&mut pair.server, "the other way").await;
            assert_eq!(heard(&mut pair.client).await, "the other way");
        });
    }
}

#[test]
fn half_closed_the_server_reads_the_end_and_can_answer() {
    for (stage, expected) in [(Stage::Before, &["", ""][..]), (Stage::After, &["commit 2", ""])] {
        run(async move {
            let (mut pair, read) = ask(stage, StreamDeed::HalfClose).await;
            assert_eq!(read[2], expected[0]);
            say(&mut pair.client, "hello?").await;
            assert_eq!(heard(&mut pair.server).await, expected[1]);
            say(&mut pair.server, "done").await;
            assert_eq!(heard(&mut pair.client).await, "done");
        });
    }
}

#[test]
fn a_stall_holds_up_a_request_or_only_what_is_behind_it() {
    let stalls = [
        (Stage::Before, ["commit 1", "commit 2next"]),
        (Stage::After, ["commit 1commit 2", "next"]),
    ];
    for (stage, expected) in stalls {
        run(async move {
            let Pair { net, mut client, mut server, a: _a, b: _b } =
                pair(fixed(Duration::from_millis(5))).await;
            aim(&net, stage, StreamDeed::Stall(Duration::from_millis(500)));
            for word in ["commit 1", "commit 2", "next"] {
                say(&mut client, word).await;
            }
            for part in expected {
                sleep(Duration::from_millis(300)).await;
                assert_eq!(heard(&mut server).await, part);
            }
            assert_eq!(net.stream_stats().aimed, 1);
        });
    }
}

#[test]
fn an_aim_that_has_not_struck_ends_with_heal_all() {
    run(async {
        let Pair { net, mut client, mut server, a: _a, b: _b } = pair(LinkOptions::default()).await;
        aim(&net, Stage::Before, StreamDeed::Reset);
        say(&mut client, "commit 1").await;
        net.heal_all();
        say(&mut client, "commit 2").await;
        sleep(QUIET).await;
        assert_eq!(heard(&mut server).await, "commit 1commit 2");
        for stage in [Stage::Before, Stage::After] {
            aim(&net, stage, StreamDeed::Reset);
            say(&mut client, "commit 3").await;
            say(&mut client, "commit 4").await;
            if stage == Stage::After {
                sleep(QUIET).await;
            }
            net.heal_all();
            sleep(QUIET).await;
            assert_eq!(heard(&mut server).await, "commit 3commit 4", "under way, or unread");
        }
    });
}
