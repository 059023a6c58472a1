//! The gids of one log, as the log itself names them.

use indoubt::Gid;

/// What tells the gids of one log apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) epoch: u64,
    pub(super) sequence: u64,
}

impl Key {
    pub(super) const fn of(gid: &Gid) -> Self {
        Self { epoch: gid.epoch, sequence: gid.sequence }
    }
}
