//! What makes an adapter's life hard, counted where a server does it.
//!
//! Absent is the `PREPARE` that rolls back and says so by its tag alone: the shipped adapter asks first
//! whether the transaction has failed, and sends none then. Bugs planted in it get there. Slots that are
//! exhausted are counted where they are taken away.

/// A branch that became prepared after its coordinator had given up on that.
pub(super) const LATE: &str = "prepares that came late";

/// What clients are told by SQLSTATE (PostgreSQL manual, "PostgreSQL Error Codes").
const REFUSALS: &[(&str, &str)] = &[
    ("23505", "rows that exist already"),
    ("25P03", "sessions that were idle for too long"),
    ("42704", "gids that are not known"),
    ("55000", "gids that are busy"),
    ("57014", "statements that were cancelled"),
    ("57P01", "sessions told of an administrator's hand"),
    ("57P02", "sessions told of another one's crash"),
    ("57P03", "clients told that the server starts"),
];

/// All of it.
pub(super) fn names() -> Vec<&'static str> {
    let refusals = REFUSALS.iter().map(|(_, name)| *name);
    std::iter::once(LATE).chain(refusals).collect()
}

/// What a refusal is counted as, if it is.
pub(super) fn of(code: &str) -> Option<&'static str> {
    REFUSALS.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}
