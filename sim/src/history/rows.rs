//! What a row of a workload stands for: its key says it.

use super::Tx;

const KIND: u64 = 0xf << 60;
const MARKER: u64 = 1 << 60;
const ORDER: u64 = 2 << 60;

/// How many items a participant can have: what an order's row has room for. It has room for
/// 256 epochs, more than the faults of a scenario can bring about.
pub(crate) const MAX_ITEMS: u64 = 1 << 12;

/// The row that a transaction leaves at each participant where it writes. Its value is the
/// number of those participants.
pub const fn marker(tx: Tx) -> u64 {
    MARKER | tx.epoch << 32 | tx.sequence
}

/// The row of an order for one item at one stock-keeping participant, by the transaction that
/// placed it. Its value is the quantity.
pub(crate) const fn order(p: u8, item: u64, tx: Tx) -> u64 {
    ORDER | (p as u64) << 52 | (item & 0xfff) << 40 | (tx.epoch & 0xff) << 32 | tx.sequence
}

/// What a row stands for.
pub(crate) enum Meaning {
    Marker(Tx),
    /// An order for this item of this stock-keeping participant.
    Order {
        p: u8,
        item: u64,
        tx: Tx,
    },
    /// An account, or an item in stock.
    Account(u64),
}

/// What the row of this key stands for.
pub(crate) fn meaning(key: u64) -> Meaning {
    let sequence = key & 0xffff_ffff;
    match key & KIND {
        MARKER => Meaning::Marker(Tx { epoch: key >> 32 & 0x0fff_ffff, sequence }),
        ORDER => Meaning::Order {
            p: u8::try_from(key >> 52 & 0xff).unwrap_or(u8::MAX),
            item: key >> 40 & 0xfff,
            tx: Tx { epoch: key >> 32 & 0xff, sequence },
        },
        _ => Meaning::Account(key),
    }
}
