//! A directory, twice: as processes see it and as the medium holds it.

use std::collections::BTreeMap;

use super::mount::Inode;

#[derive(Debug, Default)]
pub(super) struct Names {
    seen: BTreeMap<String, Inode>,
    medium: BTreeMap<String, Inode>,
    /// What the medium has yet to be told, in order.
    pending: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Link { name: String, inode: Inode },
    Rename { from: String, to: String, inode: Inode },
    Unlink { name: String },
}

impl Names {
    pub(super) const fn seen(&self) -> &BTreeMap<String, Inode> {
        &self.seen
    }

    pub(super) fn link(&mut self, name: &str, inode: Inode) {
        self.change(Change::Link { name: name.to_owned(), inode });
    }

    /// Whether there was a file of this name.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(&inode) = self.seen.get(from) else { return false };
        self.change(Change::Rename { from: from.to_owned(), to: to.to_owned(), inode });
        true
    }

    /// Whether there was a file of this name.
    pub(super) fn unlink(&mut self, name: &str) -> bool {
        let known = self.seen.contains_key(name);
        if known {
            self.change(Change::Unlink { name: name.to_owned() });
        }
        known
    }

    /// How many changes a sync would have to write.
    pub(super) const fn dirty(&self) -> usize {
        self.pending.len()
    }

    /// Writes so many changes, which is all of them for a sync that succeeds. A failed one
    /// drops the rest: later syncs do not know of them.
    pub(super) fn sync(&mut self, written: usize) {
        for change in self.pending.drain(..).take(written) {
            change.apply(&mut self.medium);
        }
    }

    /// Leaves so many of the unsynced changes: a journal is cut, never reordered.
    pub(super) fn crash(&mut self, kept: usize) {
        self.sync(kept);
        self.seen.clone_from(&self.medium);
    }

    /// Whether a file can still be found, now or after a crash.
    pub(super) fn refers_to(&self, inode: Inode) -> bool {
        self.seen.values().chain(self.medium.values()).any(|&other| other == inode)
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.pending.push(change);
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, Inode>) {
        match self {
            Self::Link { name, inode } => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename { from, to, inode } => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
            Self::Unlink { name } => {
                names.remove(name);
            }
        }
    }
}
