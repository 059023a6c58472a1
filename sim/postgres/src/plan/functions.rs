//! The functions that there are, by name and types, all in `pg_catalog`.

use crate::error::{PgError, PgResult};
use crate::value::Type;
use crate::value::Type::{
    Bool, Bytea, Float8, Int4, Int4Array, Int8, Name, Numeric, Oid, Regprocedure, Text,
    Timestamptz, Void, Xid8,
};

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Func {
    Abs,
    AdvisoryLock(Advisory),
    AdvisoryUnlock,
    AdvisoryUnlockAll,
    BackendPid,
    BlockingPids,
    CancelBackend,
    ClockTimestamp,
    CurrentDatabase,
    CurrentSchema,
    CurrentSetting,
    CurrentUser,
    CurrentXid,
    CurrentXidIfAssigned,
    ExportSnapshot,
    ExtractEpoch,
    HasFunctionPrivilege,
    HasRole,
    HasTablePrivilege,
    IsInRecovery,
    BgwriterStatResetTime,
    Length,
    Lower,
    Md5,
    Mod,
    Notify,
    QuoteIdent,
    QuoteLiteral,
    Repeat,
    Replace,
    SessionUser,
    SetConfig,
    Sleep,
    StartsWith,
    StatementTimestamp,
    Substr,
    TerminateBackend,
    ToHex,
    ToRegprocedure,
    TransactionTimestamp,
    Upper,
    Version,
    XactStatus,
    /// Of sets of rows: what may stand in `FROM`.
    Set(SetFunc),
}

/// How an advisory lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Advisory {
    pub(crate) wait: bool,
    pub(crate) shared: bool,
    pub(crate) transaction: bool,
}

/// A function that returns rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetFunc {
    ControlCheckpoint,
    ControlRecovery,
    ControlSystem,
    GenerateSeries,
    PreparedXact,
    StatGetActivity,
}

struct Signature {
    name: &'static str,
    args: &'static [Type],
    required: usize,
    returns: Type,
    func: Func,
}

const fn f(name: &'static str, args: &'static [Type], returns: Type, func: Func) -> Signature {
    Signature { name, args, required: args.len(), returns, func }
}

const fn advisory(wait: bool, shared: bool, transaction: bool) -> Func {
    Func::AdvisoryLock(Advisory { wait, shared, transaction })
}

const SIGNATURES: &[Signature] = &[
    f("abs", &[Int4], Int4, Func::Abs),
    f("abs", &[Int8], Int8, Func::Abs),
    f("abs", &[Numeric], Numeric, Func::Abs),
    f("abs", &[Float8], Float8, Func::Abs),
    f("char_length", &[Text], Int4, Func::Length),
    f("clock_timestamp", &[], Timestamptz, Func::ClockTimestamp),
    f("current_database", &[], Name, Func::CurrentDatabase),
    f("current_schema", &[], Name, Func::CurrentSchema),
    Signature {
        name: "current_setting",
        args: &[Text],
        required: 1,
        returns: Text,
        func: Func::CurrentSetting,
    },
    f("current_setting", &[Text, Bool], Text, Func::CurrentSetting),
    f("current_user", &[], Name, Func::CurrentUser),
    f("extract", &[Text, Timestamptz], Numeric, Func::ExtractEpoch),
    f("generate_series", &[Int4, Int4], Int4, Func::Set(SetFunc::GenerateSeries)),
    f("generate_series", &[Int8, Int8], Int8, Func::Set(SetFunc::GenerateSeries)),
    f("has_function_privilege", &[Oid, Text], Bool, Func::HasFunctionPrivilege),
    f("has_table_privilege", &[Text, Text], Bool, Func::HasTablePrivilege),
    f("length", &[Text], Int4, Func::Length),
    f("lower", &[Text], Text, Func::Lower),
    f("md5", &[Text], Text, Func::Md5),
    f("mod", &[Int4, Int4], Int4, Func::Mod),
    f("mod", &[Int8, Int8], Int8, Func::Mod),
    f("now", &[], Timestamptz, Func::TransactionTimestamp),
    f("octet_length", &[Bytea], Int4, Func::Length),
    f("pg_advisory_lock", &[Int8], Void, advisory(true, false, false)),
    f("pg_advisory_lock", &[Int4, Int4], Void, advisory(true, false, false)),
    f("pg_advisory_lock_shared", &[Int8], Void, advisory(true, true, false)),
    f("pg_advisory_unlock", &[Int8], Bool, Func::AdvisoryUnlock),
    f("pg_advisory_unlock", &[Int4, Int4], Bool, Func::AdvisoryUnlock),
    f("pg_advisory_unlock_all", &[], Void, Func::AdvisoryUnlockAll),
    f("pg_advisory_xact_lock", &[Int8], Void, advisory(true, false, true)),
    f("pg_advisory_xact_lock", &[Int4, Int4], Void, advisory(true, false, true)),
    f("pg_advisory_xact_lock_shared", &[Int8], Void, advisory(true, true, true)),
    f("pg_backend_pid", &[], Int4, Func::BackendPid),
    f("pg_blocking_pids", &[Int4], Int4Array, Func::BlockingPids),
    f("pg_cancel_backend", &[Int4], Bool, Func::CancelBackend),
    f("pg_control_checkpoint", &[], Void, Func::Set(SetFunc::ControlCheckpoint)),
    f("pg_control_recovery", &[], Void, Func::Set(SetFunc::ControlRecovery)),
    f("pg_control_system", &[], Void, Func::Set(SetFunc::ControlSystem)),
    f("pg_current_xact_id", &[], Xid8, Func::CurrentXid),
    f("pg_current_xact_id_if_assigned", &[], Xid8, Func::CurrentXidIfAssigned),
    f("pg_export_snapshot", &[], Text, Func::ExportSnapshot),
    f("pg_has_role", &[Name, Name, Text], Bool, Func::HasRole),
    f("pg_has_role", &[Name, Text], Bool, Func::HasRole),
    f("pg_is_in_recovery", &[], Bool, Func::IsInRecovery),
    f("pg_stat_get_bgwriter_stat_reset_time", &[], Timestamptz, Func::BgwriterStatResetTime),
    f("pg_notify", &[Text, Text], Void, Func::Notify),
    f("pg_prepared_xact", &[], Void, Func::Set(SetFunc::PreparedXact)),
    f("pg_sleep", &[Float8], Void, Func::Sleep),
    f("pg_stat_get_activity", &[Int4], Void, Func::Set(SetFunc::StatGetActivity)),
    Signature {
        name: "pg_terminate_backend",
        args: &[Int4, Int8],
        required: 1,
        returns: Bool,
        func: Func::TerminateBackend,
    },
    f("pg_try_advisory_lock", &[Int8], Bool, advisory(false, false, false)),
    f("pg_try_advisory_lock", &[Int4, Int4], Bool, advisory(false, false, false)),
    f("pg_try_advisory_xact_lock", &[Int8], Bool, advisory(false, false, true)),
    f("pg_try_advisory_xact_lock", &[Int4, Int4], Bool, advisory(false, false, true)),
    f("pg_xact_status", &[Xid8], Text, Func::XactStatus),
    f("quote_ident", &[Text], Text, Func::QuoteIdent),
    f("quote_literal", &[Text], Text, Func::QuoteLiteral),
    f("repeat", &[Text, Int4], Text, Func::Repeat),
    f("replace", &[Text, Text, Text], Text, Func::Replace),
    f("session_user", &[], Name, Func::SessionUser),
    f("set_config", &[Text, Text, Bool], Text, Func::SetConfig),
    f("starts_with", &[Text, Text], Bool, Func::StartsWith),
    f("statement_timestamp", &[], Timestamptz, Func::StatementTimestamp),
    f("substr", &[Text, Int4], Text, Func::Substr),
    f("substr", &[Text, Int4, Int4], Text, Func::Substr),
    f("to_hex", &[Int4], Text, Func::ToHex),
    f("to_hex", &[Int8], Text, Func::ToHex),
    f("to_regprocedure", &[Text], Regprocedure, Func::ToRegprocedure),
    f("transaction_timestamp", &[], Timestamptz, Func::TransactionTimestamp),
    f("txid_current", &[], Int8, Func::CurrentXid),
    f("txid_current_if_assigned", &[], Int8, Func::CurrentXidIfAssigned),
    f("txid_status", &[Int8], Text, Func::XactStatus),
    f("upper", &[Text], Text, Func::Upper),
    f("user", &[], Name, Func::CurrentUser),
    f("version", &[], Text, Func::Version),
];

/// Where the numbers of functions begin.
const FIRST_OID: i64 = 10_000;

/// What a call means.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) func: Func,
    /// What the arguments are to be.
    pub(crate) args: &'static [Type],
    pub(crate) returns: Type,
}

/// The function that a call means: the one that needs the fewest conversions.
///
/// # Errors
/// 42883: there is none.
pub(crate) fn resolve(name: &str, given: &[Type]) -> PgResult<Resolved> {
    let cost = |signature: &Signature| {
        let many = signature.required..=signature.args.len();
        if signature.name != name || !many.contains(&given.len()) {
            return None;
        }
        let pairs = given.iter().zip(signature.args);
        pairs.map(|(from, to)| conversion(*from, *to)).sum::<Option<u32>>()
    };
    let costs = SIGNATURES.iter().filter_map(|signature| Some((cost(signature)?, signature)));
    let Some((_, found)) = costs.min_by_key(|(cost, _)| *cost) else {
        let types: Vec<_> = given.iter().map(|ty| ty.shown()).collect();
        let text = format!("function {name}({}) does not exist", types.join(", "));
        let known = SIGNATURES.iter().any(|signature| signature.name == name);
        let hint = if known {
            "No function matches the given name and argument types. You might need to add explicit \
             type casts."
        } else {
            "This simulated server has few of the functions of Postgres."
        };
        return Err(PgError::new("42883", text).hint(hint));
    };
    Ok(Resolved { func: found.func, args: &found.args[..given.len()], returns: found.returns })
}

fn conversion(from: Type, to: Type) -> Option<u32> {
    if from == to {
        return Some(0);
    }
    match (from, to) {
        // An unknown one is a text if it can be.
        (Type::Unknown, to) if to.is_string() => Some(1),
        (Type::Unknown, _) => Some(2),
        (from, to) if from.is_string() && to.is_string() => Some(1),
        (Type::Regprocedure, Type::Oid) => Some(1),
        (from, to) if from.is_number() && to.is_number() => {
            (from.common(to) == Some(to)).then_some(1 + to as u32)
        }
        _ => None,
    }
}

/// The number of a function that is written with the types of its arguments, if there is one.
pub(crate) fn by_signature(written: &str) -> Option<i64> {
    let plain = |name: &str| {
        let name = name.trim();
        name.strip_prefix("pg_catalog.").unwrap_or(name).to_owned()
    };
    let (name, args) = written.trim().strip_suffix(')')?.split_once('(')?;
    let (name, args) = (plain(name), args.trim());
    let args: Option<Vec<_>> = match args {
        "" => Some(Vec::new()),
        args => args.split(',').map(|arg| Type::named(&plain(arg))).collect(),
    };
    let args = args?;
    let at = SIGNATURES.iter().position(|s| s.name == name && s.args == args)?;
    Some(FIRST_OID + i64::try_from(at).ok()?)
}

/// A function, written with the types of its arguments.
pub(crate) fn signature_of(oid: i64) -> Option<String> {
    let signature = SIGNATURES.get(usize::try_from(oid - FIRST_OID).ok()?)?;
    let args: Vec<_> = signature.args.iter().map(|ty| ty.shown()).collect();
    Some(format!("{}({})", signature.name, args.join(",")))
}

impl SetFunc {
    /// Names and types of the columns of its rows.
    pub(crate) fn columns(self, returns: Type) -> Vec<(&'static str, Type)> {
        use crate::catalog::views;
        match self {
            Self::GenerateSeries => vec![("generate_series", returns)],
            Self::ControlSystem => vec![
                ("pg_control_version", Int4),
                ("catalog_version_no", Int4),
                ("system_identifier", Int8),
                ("pg_control_last_modified", Timestamptz),
            ],
            Self::ControlCheckpoint => {
                vec![("timeline_id", Int4), ("prev_timeline_id", Int4), ("next_xid", Text)]
            }
            Self::ControlRecovery => vec![("min_recovery_end_timeline", Int4)],
            Self::PreparedXact => views::PREPARED_XACT.to_vec(),
            Self::StatGetActivity => views::ACTIVITY.to_vec(),
        }
    }
}
