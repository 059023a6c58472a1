//! What is prepared at participants by others.

/// Gids that are not ours, prepared at every participant before the run: of another coordinator, of
/// another log under our own coordinator's id, and of another program.
pub(crate) const FOREIGN: [&str; 3] = [
    "indoubt:somebody-else:0123456789abcdef:1:1:0",
    "indoubt:sim:0123456789abcdef:1:1:0",
    "a gid of another program",
];
