//! Random sequences: what several sessions do, as steps that are drawn.

use std::fmt;

use proptest::prelude::*;
use proptest::sample::select;

/// A step of a sequence.
#[derive(Clone, PartialEq)]
pub(crate) enum Step {
    /// A session is asked something. One that still waits is not.
    Ask(usize, String),
    /// A client leaves without a farewell, whatever its session is at.
    Leave(usize),
    /// What a session waits in is cancelled.
    Cancel(usize),
    /// All is killed, and started again.
    Crash,
}

/// The names of sessions.
pub(crate) const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What is there before the first step.
pub(crate) const TABLES: &str = "\
    CREATE TABLE k (id int PRIMARY KEY, n int); \
    CREATE TABLE late (id int PRIMARY KEY, k int REFERENCES k DEFERRABLE INITIALLY DEFERRED); \
    CREATE TABLE uniq (id int UNIQUE DEFERRABLE INITIALLY DEFERRED); \
    INSERT INTO k VALUES (1, 10), (2, 20), (3, 30); INSERT INTO late VALUES (1, 1)";

/// What takes them away again.
pub(crate) const NO_TABLES: &str = "DROP TABLE IF EXISTS fresh, late, uniq, k";

/// What can be seen from outside: rows, what is prepared, and what is locked.
pub(crate) const LOOKS: [&str; 4] = [
    "BEGIN; SELECT gid, owner, database FROM pg_prepared_xacts ORDER BY gid; \
     SELECT pg_try_advisory_xact_lock(1), pg_try_advisory_xact_lock(2); ROLLBACK",
    "BEGIN; LOCK TABLE k IN ROW SHARE MODE NOWAIT; SELECT * FROM k ORDER BY id; \
     SELECT id FROM k ORDER BY id FOR KEY SHARE SKIP LOCKED; \
     SELECT id FROM k ORDER BY id FOR SHARE SKIP LOCKED; \
     SELECT id FROM k ORDER BY id FOR UPDATE SKIP LOCKED; ROLLBACK",
    "BEGIN; LOCK TABLE late IN ROW SHARE MODE NOWAIT; SELECT * FROM late ORDER BY id; \
     SELECT id FROM late ORDER BY id FOR UPDATE SKIP LOCKED; ROLLBACK",
    "BEGIN; LOCK TABLE uniq IN ROW SHARE MODE NOWAIT; SELECT * FROM uniq ORDER BY id; ROLLBACK",
];

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(who, sql) => write!(f, "{}: {sql}", NAMES[*who]),
            Self::Leave(who) => write!(f, "{}!", NAMES[*who]),
            Self::Cancel(who) => write!(f, "{}^", NAMES[*who]),
            Self::Crash => write!(f, "= crash"),
        }
    }
}

fn id() -> impl Strategy<Value = u8> {
    1..=4_u8
}

fn words(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(ToOwned::to_owned)
}

/// What begins a transaction.
fn begin() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just("BEGIN".to_owned()),
        3 => Just("BEGIN ISOLATION LEVEL REPEATABLE READ".to_owned()),
        1 => Just("BEGIN READ ONLY".to_owned()),
    ]
}

fn gid() -> impl Strategy<Value = &'static str> {
    select(&["g", "h", "i"][..])
}

/// What ends one.
fn end() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("COMMIT".to_owned()),
        2 => Just("ROLLBACK".to_owned()),
        5 => gid().prop_map(|gid| format!("PREPARE TRANSACTION '{gid}'")),
    ]
}

fn resolve() -> impl Strategy<Value = String> {
    (select(&["COMMIT", "ROLLBACK"][..]), gid())
        .prop_map(|(how, gid)| format!("{how} PREPARED '{gid}'"))
}

/// What reads, and what locks rows.
fn read() -> impl Strategy<Value = String> {
    let strength = select(&["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"][..]);
    let wait = select(&["", "", " NOWAIT", " SKIP LOCKED"][..]);
    prop_oneof![
        1 => words(&[
            "SELECT * FROM k ORDER BY id",
            "SELECT count(*), sum(n) FROM k",
            "SELECT * FROM late ORDER BY id",
            "SELECT * FROM uniq ORDER BY id",
            "SELECT pg_current_xact_id_if_assigned() IS NULL",
        ]),
        2 => (id(), strength.clone(), wait.clone())
            .prop_map(|(id, how, wait)| format!("SELECT * FROM k WHERE id = {id} FOR {how}{wait}")),
        1 => (strength, wait)
            .prop_map(|(how, wait)| format!("SELECT id FROM k ORDER BY id FOR {how}{wait}")),
    ]
}

/// What writes.
fn write() -> impl Strategy<Value = String> {
    let conflict = select(
        &[
            "",
            "",
            " ON CONFLICT DO NOTHING",
            " ON CONFLICT (id) DO UPDATE SET n = k.n + excluded.n",
        ][..],
    );
    prop_oneof![
        4 => (id(), 0..9_u8, conflict)
            .prop_map(|(id, n, conflict)| format!("INSERT INTO k VALUES ({id}, {n}){conflict}")),
        4 => id().prop_map(|id| format!("UPDATE k SET n = n + 1 WHERE id = {id} RETURNING n")),
        2 => (id(), id()).prop_map(|(a, b)| format!("UPDATE k SET id = {a} WHERE id = {b}")),
        1 => words(&[
            "UPDATE k SET n = n * 2 WHERE n > 15",
            "UPDATE k SET n = n + 1",
            "UPDATE k SET id = id + 1 WHERE id > 2",
            "DELETE FROM k WHERE n < 20",
            "INSERT INTO k SELECT id + 2, n FROM k",
        ]),
        3 => id().prop_map(|id| format!("DELETE FROM k WHERE id = {id} RETURNING n")),
        3 => (id(), id()).prop_map(|(id, k)| format!("INSERT INTO late VALUES ({id}, {k})")),
        1 => (id(), id()).prop_map(|(id, k)| format!("UPDATE late SET k = {k} WHERE id = {id}")),
        1 => id().prop_map(|id| format!("DELETE FROM late WHERE id = {id}")),
        2 => id().prop_map(|id| format!("INSERT INTO uniq VALUES ({id})")),
        1 => (id(), id()).prop_map(|(a, b)| format!("UPDATE uniq SET id = {a} WHERE id = {b}")),
        1 => id().prop_map(|id| format!("DELETE FROM uniq WHERE id = {id}")),
    ]
}

/// What changes how a transaction goes on.
fn aside() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => (select(&["SAVEPOINT", "ROLLBACK TO", "RELEASE"][..]), select(&["s", "t"][..]))
            .prop_map(|(what, name)| format!("{what} {name}")),
        2 => words(&["SELECT 1/0", "SELEC", "SELECT nothing FROM k", "INSERT INTO k VALUES ('x')"]),
        2 => (select(&["ALL", "late_k_fkey", "uniq_id_key"][..]),
            select(&["IMMEDIATE", "DEFERRED"][..]))
            .prop_map(|(which, when)| format!("SET CONSTRAINTS {which} {when}")),
        3 => (select(&[
            "pg_advisory_lock",
            "pg_advisory_xact_lock",
            "pg_try_advisory_lock",
            "pg_advisory_unlock",
            "pg_advisory_lock_shared",
            "pg_advisory_xact_lock_shared",
        ][..]), 1..=2_u8)
            .prop_map(|(call, key)| format!("SELECT {call}({key})")),
        2 => (select(&["k", "late"][..]),
            select(&["SHARE", "ROW EXCLUSIVE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"][..]),
            select(&["", " NOWAIT"][..]))
            .prop_map(|(table, mode, wait)| format!("LOCK TABLE {table} IN {mode} MODE{wait}")),
        1 => words(&["NOTIFY news", "LISTEN other", "SELECT pg_export_snapshot() IS NULL"]),
        1 => words(&["CREATE TABLE fresh (id int)", "INSERT INTO fresh VALUES (1)",
            "DROP TABLE fresh", "DROP TABLE late"]),
        1 => words(&["SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SET TRANSACTION READ ONLY",
            "SET LOCAL x.y = 'z'"]),
    ]
}

fn one() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => begin(),
        4 => end(),
        3 => resolve(),
        3 => read(),
        8 => write(),
        4 => aside(),
    ]
}

/// One statement, or a string of several.
fn string() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => one(),
        3 => (begin(), write()).prop_map(|(begin, write)| format!("{begin}; {write}")),
        2 => (begin(), write(), end()).prop_map(|(a, b, c)| format!("{a}; {b}; {c}")),
        1 => (one(), one()).prop_map(|(a, b)| format!("{a}; {b}")),
    ]
}

fn step(sessions: usize) -> impl Strategy<Value = Step> {
    let who = 0..sessions;
    let timeout = select(&["lock_timeout", "statement_timeout"][..]);
    prop_oneof![
        40 => (who.clone(), string())
            .prop_map(|(who, sql)| Step::Ask(who, sql)),
        3 => (who.clone(), timeout, prop_oneof![write(), read()]).prop_map(|(who, name, sql)| {
            // Shorter than a wait that counts.
            let sql = format!("SET LOCAL {name} = 15; {sql}; SET LOCAL {name} = 0");
            Step::Ask(who, sql)
        }),
        2 => who.clone().prop_map(Step::Leave),
        1 => who.prop_map(Step::Cancel),
        1 => Just(Step::Crash),
    ]
}

/// A whole sequence.
pub(crate) fn sequence() -> impl Strategy<Value = Vec<Step>> {
    (2..=NAMES.len()).prop_flat_map(|sessions| proptest::collection::vec(step(sessions), 1..28))
}
