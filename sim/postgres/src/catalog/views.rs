//! The views of the system: what they are called, and what is in them.

use crate::plan::functions::SetFunc;
use crate::server::{Backend, State};
use crate::value::Type::{self, Bool, Int4, Name, Oid, Text, Timestamptz, Xid};
use crate::value::{Row, Value};

/// A view of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    PreparedXacts,
    StatActivity,
    ForeignServer,
    Database,
    Roles,
}

/// What `pg_prepared_xact()` returns.
pub(crate) const PREPARED_XACT: &[(&str, Type)] = &[
    ("transaction", Xid),
    ("gid", Text),
    ("prepared", Timestamptz),
    ("ownerid", Oid),
    ("dbid", Oid),
];

const PREPARED_XACTS: &[(&str, Type)] = &[
    ("transaction", Xid),
    ("gid", Text),
    ("prepared", Timestamptz),
    ("owner", Name),
    ("database", Name),
];

/// What `pg_stat_get_activity()` returns, in part.
pub(crate) const ACTIVITY: &[(&str, Type)] = &[
    ("datid", Oid),
    ("pid", Int4),
    ("application_name", Text),
    ("state", Text),
    ("query", Text),
    ("wait_event_type", Text),
    ("wait_event", Text),
    ("xact_start", Timestamptz),
    ("query_start", Timestamptz),
    ("backend_start", Timestamptz),
    ("state_change", Timestamptz),
    ("backend_xid", Xid),
    ("backend_xmin", Xid),
    ("backend_type", Text),
];

const STAT_ACTIVITY: &[(&str, Type)] = &[
    ("datid", Oid),
    ("pid", Int4),
    ("application_name", Text),
    ("state", Text),
    ("query", Text),
    ("wait_event_type", Text),
    ("wait_event", Text),
    ("xact_start", Timestamptz),
    ("query_start", Timestamptz),
    ("backend_start", Timestamptz),
    ("state_change", Timestamptz),
    ("backend_xid", Xid),
    ("backend_xmin", Xid),
    ("backend_type", Text),
    ("datname", Name),
    ("usename", Name),
];

/// Names and types of the columns of a view.
type Columns = &'static [(&'static str, Type)];

const VIEWS: &[(View, &str, Columns)] = &[
    (View::PreparedXacts, "pg_prepared_xacts", PREPARED_XACTS),
    (View::StatActivity, "pg_stat_activity", STAT_ACTIVITY),
    (View::ForeignServer, "pg_foreign_server", &[("oid", Oid), ("srvname", Name)]),
    (View::Database, "pg_database", &[("oid", Oid), ("datname", Name)]),
    (View::Roles, "pg_roles", &[("rolname", Name), ("rolsuper", Bool), ("rolcanlogin", Bool)]),
];

impl View {
    pub(crate) fn named(name: &str) -> Option<Self> {
        VIEWS.iter().find(|(_, known, _)| *known == name).map(|(view, ..)| *view)
    }

    fn entry(self) -> &'static (Self, &'static str, Columns) {
        VIEWS.iter().find(|(view, ..)| *view == self).expect("every view is in the table")
    }

    pub(crate) fn name(self) -> &'static str {
        self.entry().1
    }

    pub(crate) fn columns(self) -> Columns {
        self.entry().2
    }

    /// The rows that a role sees.
    pub(crate) fn rows(self, state: &State, role: &str) -> Vec<Row> {
        match self {
            Self::PreparedXacts => prepared(state, |state, owner, database| {
                (Value::text(owner), Value::text(state.catalog.database_name(database)))
            }),
            Self::StatActivity => {
                let backends = state.backends.values();
                backends
                    .map(|backend| {
                        let mut row = activity(state, backend, role);
                        row.push(Value::text(state.catalog.database_name(backend.database)));
                        row.push(Value::text(&backend.user));
                        row
                    })
                    .collect()
            }
            // There is no foreign data here.
            Self::ForeignServer => Vec::new(),
            Self::Database => {
                let databases = state.catalog.databases.values();
                databases
                    .map(|database| {
                        vec![Value::Int(database.id.into()), Value::text(&database.name)]
                    })
                    .collect()
            }
            Self::Roles => {
                let roles = state.catalog.roles.values();
                roles
                    .map(|role| {
                        vec![
                            Value::text(&role.name),
                            Value::Bool(role.superuser),
                            Value::Bool(role.login),
                        ]
                    })
                    .collect()
            }
        }
    }
}

/// What is prepared and may be finished. A `PREPARE` that is still being written is in none of
/// the views.
fn prepared(state: &State, ends: impl Fn(&State, &str, u32) -> (Value, Value)) -> Vec<Row> {
    let valid = state.prepared.values().filter(|gxact| gxact.valid);
    let mut rows: Vec<Row> = valid
        .map(|gxact| {
            let prepared = &gxact.prepared;
            let (owner, database) = ends(state, &prepared.owner, prepared.work.database);
            vec![
                short_xid(prepared.xid()),
                Value::text(&prepared.gid),
                Value::Timestamp(prepared.at),
                owner,
                database,
            ]
        })
        .collect();
    // In the order of preparing, as far as that can be told.
    rows.sort_by_key(|row| row[2].clone());
    rows
}

/// An xid without its epoch.
fn short_xid(xid: u64) -> Value {
    Value::Int(i64::try_from(xid & u64::from(u32::MAX)).unwrap_or(0))
}

/// Of backends of roles that this one has nothing to do with, hardly anything is shown.
fn activity(state: &State, backend: &Backend, role: &str) -> Row {
    let sees = state.catalog.is_member(role, &backend.user)
        || state.catalog.is_member(role, "pg_read_all_stats")
        || state.catalog.is_member(role, "pg_monitor");
    let mut row = vec![
        Value::Int(backend.database.into()),
        Value::Int(backend.pid.into()),
        Value::text(&backend.application_name),
    ];
    if !sees {
        row.extend(vec![Value::Null; ACTIVITY.len() - row.len()]);
        row[4] = Value::text("<insufficient privilege>");
        return row;
    }
    let moment = |moment: Option<i64>| moment.map_or(Value::Null, Value::Timestamp);
    let (kind, event) = backend.wait.unzip();
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::text);
    row.extend([
        Value::text(backend.state.name()),
        Value::text(shown(&backend.query)),
        text(kind),
        text(event),
        moment(backend.xact_start),
        moment(backend.query_start),
        Value::Timestamp(backend.start),
        Value::Timestamp(backend.state_change),
        backend.xid.map_or(Value::Null, short_xid),
        backend.xmin.map_or(Value::Null, short_xid),
        Value::text("client backend"),
    ]);
    row
}

/// As much of a statement as `track_activity_query_size` keeps.
fn shown(query: &str) -> &str {
    const KEPT: usize = 1023;
    let mut end = query.len().min(KEPT);
    while !query.is_char_boundary(end) {
        end -= 1;
    }
    &query[..end]
}

/// The rows of a function of the system.
pub(crate) fn call(state: &State, set: SetFunc, args: &[Value], role: &str) -> Vec<Row> {
    let timeline = Value::Int(state.timeline.into());
    match set {
        SetFunc::GenerateSeries => match (args[0].as_int(), args[1].as_int()) {
            (Some(from), Some(to)) => (from..=to).map(|n| vec![Value::Int(n)]).collect(),
            _ => Vec::new(),
        },
        SetFunc::ControlSystem => vec![vec![
            Value::Int(1300),
            Value::Int(202_209_061),
            Value::Int(state.options.system_identifier.cast_signed()),
            Value::Timestamp(state.now()),
        ]],
        SetFunc::ControlCheckpoint => {
            let next = state.next_xid;
            let next = format!("{}:{}", next >> 32, next & u64::from(u32::MAX));
            vec![vec![timeline.clone(), timeline, Value::text(next)]]
        }
        SetFunc::ControlRecovery => vec![vec![Value::Int(0)]],
        SetFunc::PreparedXact => {
            prepared(state, |_, _, database| (Value::Int(10), Value::Int(database.into())))
        }
        SetFunc::StatGetActivity => {
            let wanted = args[0].as_int();
            let backends = state.backends.values();
            let wanted =
                backends.filter(|backend| wanted.is_none_or(|pid| pid == backend.pid.into()));
            wanted.map(|backend| activity(state, backend, role)).collect()
        }
    }
}
