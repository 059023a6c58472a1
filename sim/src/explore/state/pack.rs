//! A state in six words, and back.

use super::{
    At, Call, Coordinator, Force, Id, Log, MAX_COORDINATORS, MAX_TRANSACTIONS, Resolve, Stage,
    State, Timers, Told, Tx, Wait,
};

/// A state in as few words as it needs.
pub(in crate::explore) type Packed = [u64; 2 * MAX_TRANSACTIONS + MAX_COORDINATORS];

fn put(word: &mut u64, bits: u32, value: impl Into<u64>) {
    *word = *word << bits | value.into();
}

pub(super) fn take(word: &mut u64, bits: u32) -> u8 {
    // At most 8 bits are ever asked for.
    let value = (*word & ((1 << bits) - 1)) as u8;
    *word >>= bits;
    value
}

fn take_id(word: &mut u64) -> Id {
    let value = *word as Id;
    *word >>= Id::BITS;
    value
}

impl State {
    pub(in crate::explore) fn pack(&self) -> Packed {
        let mut packed = Packed::default();
        for (t, tx) in self.txs.iter().enumerate() {
            let [head, branches] = tx.pack();
            packed[2 * t] = head;
            packed[2 * t + 1] = branches;
        }
        for (c, coordinator) in self.coordinators.iter().enumerate() {
            packed[2 * MAX_TRANSACTIONS + c] = coordinator.pack();
        }
        put(&mut packed[1], 4, self.log_epoch);
        put(&mut packed[1], 4, self.budget);
        packed
    }

    pub(in crate::explore) fn unpack(packed: &Packed) -> Self {
        let mut packed = *packed;
        let budget = take(&mut packed[1], 4);
        let log_epoch = take(&mut packed[1], 4);
        let mut state = Self { log_epoch, budget, ..Self::default() };
        for (t, tx) in state.txs.iter_mut().enumerate() {
            *tx = Tx::unpack(packed[2 * t], packed[2 * t + 1]);
        }
        for (c, coordinator) in state.coordinators.iter_mut().enumerate() {
            *coordinator = Coordinator::unpack(packed[2 * MAX_TRANSACTIONS + c]);
        }
        state
    }
}

impl Tx {
    fn pack(&self) -> [u64; 2] {
        let (mut head, mut branches) = (0, 0);
        put(&mut head, Id::BITS, self.machine);
        put(&mut head, 1, self.owner);
        put(&mut head, 4, self.epoch);
        put(&mut head, 2, self.stage as u8);
        put(&mut head, 1, self.answered);
        put(&mut head, 2, self.timers.0);
        put(&mut head, 2, self.wait as u8);
        put(&mut head, 2, self.force as u8);
        put(&mut head, 3, self.log as u8);
        put(&mut head, 3, self.named);
        put(&mut head, 2, self.told as u8);
        put(&mut head, 3, self.reported);
        for branch in &self.branches {
            put(&mut branches, 4, branch.at as u8);
            put(&mut branches, 4, branch.call as u8);
            put(&mut branches, 5, branch.strays);
            put(&mut branches, 1, branch.mute);
        }
        [head, branches]
    }

    fn unpack(mut head: u64, mut branches: u64) -> Self {
        let mut tx = Self {
            reported: take(&mut head, 3),
            told: Told::unpack(&mut head, 2),
            named: take(&mut head, 3),
            log: Log::unpack(&mut head, 3),
            force: Force::unpack(&mut head, 2),
            wait: Wait::unpack(&mut head, 2),
            timers: Timers(take(&mut head, 2)),
            answered: take(&mut head, 1) != 0,
            stage: Stage::unpack(&mut head, 2),
            epoch: take(&mut head, 4),
            owner: take(&mut head, 1),
            machine: take_id(&mut head),
            ..Self::default()
        };
        for branch in tx.branches.iter_mut().rev() {
            branch.mute = take(&mut branches, 1) != 0;
            branch.strays = take(&mut branches, 5);
            branch.call = Call::unpack(&mut branches, 4);
            branch.at = At::unpack(&mut branches, 4);
        }
        tx
    }
}

impl Coordinator {
    fn pack(&self) -> u64 {
        let mut word = 0;
        put(&mut word, 4, self.epoch);
        for recovery in &self.recoveries {
            put(&mut word, Id::BITS, recovery.machine);
            for call in &recovery.calls {
                put(&mut word, 3, *call as u8);
            }
        }
        word
    }

    fn unpack(mut word: u64) -> Self {
        let mut coordinator = Self::default();
        for recovery in coordinator.recoveries.iter_mut().rev() {
            for call in recovery.calls.iter_mut().rev() {
                *call = Resolve::unpack(&mut word, 3);
            }
            recovery.machine = take_id(&mut word);
        }
        coordinator.epoch = take(&mut word, 4);
        coordinator
    }
}
