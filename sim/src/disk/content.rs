//! One file's content, twice: as the page cache shows it and as the medium holds it.

use crate::draw::Draw;

const SECTOR_BYTES: usize = 512;

/// A sector with less than this in it is lost rather than garbled, so that garbage never
/// differs from the truth in a bit or two: media do not write that way.
const GARBLED_BYTES: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Content {
    cache: Vec<u8>,
    medium: Vec<u8>,
    /// Up to here the cache owes the medium nothing, because it was synced or because a sync
    /// failed and the kernel dropped it.
    clean: usize,
}

/// What a crash left of the unsynced part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// There was no such part.
    None,
    Lost,
    Torn,
    Garbled,
    Kept,
}

impl Content {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.cache
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.cache.extend_from_slice(bytes);
    }

    pub(super) fn sync(&mut self) {
        self.write_back(self.dirty());
        self.clean = self.cache.len();
    }

    /// How much a sync would have to write, in bytes.
    pub(super) const fn dirty(&self) -> usize {
        self.cache.len() - self.clean
    }

    /// A sync that fails after so many bytes: the rest looks clean to later syncs.
    pub(super) fn fail_sync(&mut self, written: usize) {
        self.write_back(written);
        self.clean = self.cache.len();
    }

    pub(super) fn crash(&mut self, draw: &mut Draw) -> Tail {
        // The same number of words whatever they mean.
        let (fate, cut) = (draw.below(4), draw.below(self.dirty() as u64 + 1));
        let cut = usize::try_from(cut).unwrap_or_default();
        let tail = match fate {
            _ if self.dirty() == 0 => Tail::None,
            0 => Tail::Lost,
            1 => {
                self.write_back(cut);
                Tail::Torn
            }
            2 => {
                self.write_back(cut);
                self.garble(draw);
                Tail::Garbled
            }
            _ => {
                self.write_back(self.dirty());
                Tail::Kept
            }
        };
        self.cache.clone_from(&self.medium);
        self.clean = self.cache.len();
        tail
    }

    /// Flips a bit of what was synced, and gives its byte's offset; `at` is below
    /// [`synced`](Self::synced).
    pub(super) fn flip(&mut self, at: usize, bit: u8) {
        self.cache[at] ^= 1 << bit;
        self.medium[at] ^= 1 << bit;
    }

    /// How many bytes both the cache and the medium hold for good.
    pub(super) fn synced(&self) -> usize {
        self.clean.min(self.medium.len())
    }

    /// Writes the first so many dirty bytes. A part before them that a failed sync has
    /// dropped reads as zeros.
    fn write_back(&mut self, count: usize) {
        let end = self.clean + count;
        if count > 0 {
            self.medium.resize(end.max(self.medium.len()), 0);
            self.medium[self.clean..end].copy_from_slice(&self.cache[self.clean..end]);
        }
    }

    /// Overwrites what was unsynced in the medium's last sector.
    fn garble(&mut self, draw: &mut Draw) {
        let end = self.medium.len();
        let start = (end.saturating_sub(1) / SECTOR_BYTES * SECTOR_BYTES).max(self.clean);
        if end < start + GARBLED_BYTES {
            self.medium.truncate(start.min(end));
            return;
        }
        for word in self.medium[start..].chunks_mut(8) {
            let garbage = draw.next_u64().to_le_bytes();
            word.copy_from_slice(&garbage[..word.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_sync_is_not_made_good_by_a_later_one() {
        let mut content = Content::default();
        content.append(b"one");
        content.sync();
        content.append(b"two");
        content.fail_sync(1);
        assert_eq!(content.bytes(), b"onetwo");
        content.sync();
        content.append(b"three");
        content.sync();
        content.crash(&mut Draw::new(1, 1));
        assert_eq!(content.bytes(), b"onet\0\0three");
    }

    #[test]
    fn a_crash_leaves_every_kind_of_tail_and_never_touches_what_was_synced() {
        let mut draw = Draw::new(1, 1);
        let mut seen = Vec::new();
        for _ in 0..100 {
            let mut content = Content::default();
            content.append(&[7; 700]);
            content.sync();
            content.append(&[9; 600]);
            let tail = content.crash(&mut draw);
            assert_eq!(content.bytes()[..700], [7; 700]);
            assert!(content.bytes().len() <= 1300);
            match tail {
                Tail::Lost => assert_eq!(content.bytes().len(), 700),
                Tail::Kept => assert_eq!(content.bytes()[700..], [9; 600]),
                Tail::Torn => assert!(content.bytes()[700..].iter().all(|&b| b == 9)),
                Tail::Garbled => {}
                Tail::None => unreachable!("there was an unsynced part"),
            }
            if !seen.contains(&tail) {
                seen.push(tail);
            }
        }
        assert_eq!(seen.len(), 4);
    }
}
