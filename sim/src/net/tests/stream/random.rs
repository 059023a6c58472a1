//! Whatever is written, read and cut at random: nothing is lost, doubled or out of order.

use futures::future::join;

use super::*;
use crate::draw::Draw;

/// The byte at a place of a direction.
fn byte(direction: u8, place: usize) -> u8 {
    u8::try_from(place % 251).expect("it is small") ^ (direction * 0x55)
}

/// Writes so many bytes in pieces, and then no more.
async fn write_all(
    stream: &mut (impl AsyncWriteExt + Unpin),
    direction: u8,
    bytes: usize,
    draw: &mut Draw,
) {
    let mut place = 0;
    while place < bytes {
        let piece = 1 + usize::try_from(draw.below(400)).expect("it is small");
        let end = bytes.min(place + piece);
        let piece: Vec<u8> = (place..end).map(|place| byte(direction, place)).collect();
        stream.write_all(&piece).await.expect("nothing is reset");
        place = end;
        if draw.permille(300) {
            sleep(draw.between(Duration::ZERO, Duration::from_millis(80))).await;
        }
    }
    stream.shutdown().await.expect("nothing is reset");
}

/// Reads in pieces to the end, and gives how much there was.
async fn read_all(
    stream: &mut (impl AsyncReadExt + Unpin),
    direction: u8,
    draw: &mut Draw,
) -> usize {
    let mut place = 0;
    loop {
        let room = 1 + usize::try_from(draw.below(700)).expect("it is small");
        let mut bytes = vec![0; room];
        let read = stream.read(&mut bytes).await.expect("nothing is reset");
        for got in &bytes[..read] {
            assert_eq!(*got, byte(direction, place), "at {place}");
            place += 1;
        }
        if read == 0 {
            return place;
        }
        if draw.permille(300) {
            sleep(draw.between(Duration::ZERO, Duration::from_millis(80))).await;
        }
    }
}

async fn cut_and_heal(net: &Network<u64>, draw: &mut Draw) {
    for _ in 0..20 {
        let (from, to) = if draw.permille(500) { (A, B) } else { (B, A) };
        match draw.below(4) {
            0 => net.heal(from, to),
            1 => net.drag(Some(from), to, 1 + u32::try_from(draw.below(5)).expect("it is small")),
            _ => net.cut(from, to),
        }
        sleep(draw.between(Duration::ZERO, Duration::from_millis(200))).await;
    }
    net.heal_all();
}

fn scenario(seed: u64) -> StreamStats {
    run(async move {
        let draws = |stream| Draw::new(seed, stream);
        let mut draw = draws(0);
        let net = Network::new(seed, 2, jittery());
        net.configure_streams(StreamOptions {
            send_buffer: 1 + usize::try_from(draw.below(3_000)).expect("it is small"),
            receive_window: 1 + usize::try_from(draw.below(3_000)).expect("it is small"),
            ..StreamOptions::default()
        });
        let Pair { net, client, server, a: _a, b: _b } = pair_on(net).await;
        let amounts = [draw.below(30_000), draw.below(30_000)]
            .map(|bytes| usize::try_from(bytes).expect("it is small"));
        let (mut client_reads, mut client_writes) = tokio::io::split(client);
        let (mut server_reads, mut server_writes) = tokio::io::split(server);
        let [mut one, mut two, mut three, mut four, mut five] = [1, 2, 3, 4, 5].map(draws);
        let writing = join(
            write_all(&mut client_writes, 0, amounts[0], &mut one),
            write_all(&mut server_writes, 1, amounts[1], &mut two),
        );
        let reading = join(
            read_all(&mut server_reads, 0, &mut three),
            read_all(&mut client_reads, 1, &mut four),
        );
        let all = join(join(writing, reading), cut_and_heal(&net, &mut five));
        let all = timeout(Duration::from_secs(3_600), all).await;
        let (((), ()), read) = all.expect("it comes to its end after the heal").0;
        assert_eq!([read.0, read.1], amounts);
        net.stream_stats()
    })
}

#[test]
fn nothing_is_lost_doubled_or_out_of_order() {
    let mut stalled = 0;
    for seed in 0..150 {
        let stats = scenario(seed);
        assert_eq!((stats.reset, stats.half_open), (0, 0), "seed {seed}");
        stalled += stats.stalled;
    }
    assert!(stalled > 1_000, "cuts stall much: {stalled}");
}
