//! Symmetry over participants, and over transactions: of all states that differ only in names,
//! one.
//!
//! Every participant has a branch of every transaction and the machines treat branches alike
//! (the tables of [`super::automaton`] check that), so renaming participants turns runs into
//! runs. The representative is the state whose participants are in the order of their own
//! parts; where those are equal, whichever order packs smallest.

use std::cmp::Ordering;

use super::rules::Rules;
use super::state::{NO_MACHINE, Packed, State};
use super::system::{System, renamed_bits};

/// Every order of this many participants, the given one first.
pub(super) fn renamings(participants: u8) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    for next in 0..participants {
        all = all
            .iter()
            .flat_map(|order: &Vec<u8>| {
                (0..=order.len()).rev().map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, next);
                    longer
                })
            })
            .collect();
    }
    all
}

/// The state with its two transactions' numbers exchanged: nothing goes by the number.
fn swapped(state: &State) -> State {
    let mut swapped = *state;
    swapped.txs.swap(0, 1);
    for coordinator in &mut swapped.coordinators {
        coordinator.recoveries.swap(0, 1);
    }
    swapped
}

impl<R: Rules> System<R> {
    /// The representative of a state, packed.
    pub(super) fn representative(&self, state: &State) -> Packed {
        if self.names.is_empty() {
            return state.pack();
        }
        if self.size.transactions < 2 {
            return self.in_order(state);
        }
        let (one, other) = (self.outline(state, 0), self.outline(state, 1));
        match one.cmp(&other) {
            Ordering::Less => self.in_order(state),
            Ordering::Greater => self.in_order(&swapped(state)),
            Ordering::Equal => self.in_order(state).min(self.in_order(&swapped(state))),
        }
    }

    /// Of a transaction, what the names of participants have no part in.
    fn outline(&self, state: &State, t: usize) -> u64 {
        let tx = &state.txs[t];
        let phase = self.phase(tx.machine).map_or(0, |phase| phase as u8 + 1);
        let named = tx.named.count_ones() as u8;
        let outline = [phase, tx.epoch, tx.log as u8, named, tx.wait as u8, tx.force as u8];
        let outline = outline.iter().fold(0, |outline, part| outline << 4 | u64::from(*part));
        outline << 4 | u64::from(tx.owner << 2 | tx.told as u8)
    }

    fn in_order(&self, state: &State) -> Packed {
        let mut keys = [0; crate::story::MAX_PARTICIPANTS];
        for p in self.participants() {
            keys[p] = self.part(state, p);
        }
        let mut least: Option<Packed> = None;
        for (renaming, names) in self.names.iter().enumerate() {
            // names[p] is the place that p goes to: the keys must then ascend.
            let mut sorted = keys;
            for (p, name) in names.iter().enumerate() {
                sorted[usize::from(*name)] = keys[p];
            }
            if !sorted[..names.len()].is_sorted() {
                continue;
            }
            let packed = self.renamed(state, renaming, names).pack();
            if least.is_none_or(|least| packed < least) {
                least = Some(packed);
            }
        }
        least.unwrap_or_else(|| state.pack())
    }

    /// A participant's own part of a state, the machines excepted.
    fn part(&self, state: &State, p: usize) -> u64 {
        let mut part = 0;
        let mut put = |bits: u32, value: u8| part = part << bits | u64::from(value);
        for tx in &state.txs[self.transactions()] {
            let branch = &tx.branches[p];
            put(4, branch.at as u8);
            put(4, branch.call as u8);
            put(5, branch.strays);
            put(1, u8::from(branch.mute));
            put(1, tx.named >> p & 1);
            put(1, tx.reported >> p & 1);
        }
        for coordinator in &state.coordinators[self.coordinators()] {
            for recovery in &coordinator.recoveries[self.transactions()] {
                put(3, recovery.calls[p] as u8);
            }
        }
        part
    }

    /// The state after a renaming of its participants.
    fn renamed(&self, state: &State, renaming: usize, names: &[u8]) -> State {
        if renaming == 0 {
            return *state;
        }
        let mut renamed = *state;
        for (tx, image) in state.txs.iter().zip(&mut renamed.txs) {
            if tx.machine != NO_MACHINE {
                image.machine = self.transactions.rename(renaming, tx.machine);
            }
            image.named = renamed_bits(tx.named, names);
            image.reported = renamed_bits(tx.reported, names);
            for (p, name) in names.iter().enumerate() {
                image.branches[usize::from(*name)] = tx.branches[p];
            }
        }
        for (coordinator, image) in state.coordinators.iter().zip(&mut renamed.coordinators) {
            for (recovery, image) in coordinator.recoveries.iter().zip(&mut image.recoveries) {
                if recovery.machine != NO_MACHINE {
                    image.machine = self.recoveries.rename(renaming, recovery.machine);
                }
                for (p, name) in names.iter().enumerate() {
                    image.calls[usize::from(*name)] = recovery.calls[p];
                }
            }
        }
        renamed
    }
}
