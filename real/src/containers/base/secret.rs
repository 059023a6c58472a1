//! The one place of this harness where randomness enters: passwords, names and ports.
//!
//! A server's superuser can run programs as the account the server runs under, so even on
//! 127.0.0.1 its password must not be guessable. The operating system's randomness is
//! reached through the standard library's hash keys, which saves a dependency.

use std::hash::{BuildHasher, RandomState};

/// 64 unpredictable bits.
pub(in crate::containers) fn number() -> u64 {
    RandomState::new().hash_one(0)
}

/// 32 unpredictable hexadecimal digits, safe in shells, SQL and file names.
pub(crate) fn token() -> String {
    format!("{:016x}{:016x}", number(), number())
}
