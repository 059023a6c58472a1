//! What a server says, as text: a line a message.
//!
//! What differs between two servers without meaning anything is left out: process ids, settings
//! that are reported, the words of a syntax error.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{DataRowBody, ErrorFields, Message};

/// Adds a message. True if it says that the session is ready for the next.
pub(crate) fn tell(message: &Message, told: &mut String) -> Result<bool> {
    let line = match message {
        Message::ReadyForQuery(body) => {
            writeln!(told, "  {}", char::from(body.status()))?;
            return Ok(true);
        }
        Message::CommandComplete(body) => body.tag()?.to_owned(),
        Message::EmptyQueryResponse => "(nothing)".to_owned(),
        Message::ParseComplete => "(parsed)".to_owned(),
        Message::BindComplete => "(bound)".to_owned(),
        Message::CloseComplete => "(closed)".to_owned(),
        Message::NoData => "(no columns)".to_owned(),
        Message::PortalSuspended => "(more)".to_owned(),
        Message::ParameterDescription(body) => {
            let types: Vec<_> = body.parameters().map(|oid| Ok(oid.to_string())).collect()?;
            format!("<{}>", types.join(", "))
        }
        Message::RowDescription(body) => {
            let columns: Vec<_> = body
                .fields()
                .map(|field| Ok(format!("{} {}", field.name(), field.type_oid())))
                .collect()?;
            format!("[{}]", columns.join(", "))
        }
        Message::DataRow(row) => format!("({})", values(row)?.join(", ")),
        Message::ErrorResponse(body) => {
            // Whether columns are described before an error depends on when it was found.
            if told.lines().last().is_some_and(|line| line.starts_with("  [")) {
                let end = told.trim_end().rfind('\n').map_or(0, |at| at + 1);
                told.truncate(end);
            }
            complaint(body.fields())?
        }
        Message::NoticeResponse(body) => complaint(body.fields())?,
        Message::NotificationResponse(body) => {
            format!("notified of {}: {}", body.channel()?, body.message()?)
        }
        _ => return Ok(false),
    };
    writeln!(told, "  {line}")?;
    Ok(false)
}

/// The values of a row.
pub(crate) fn values(row: &DataRowBody) -> Result<Vec<String>> {
    let text =
        |range: std::ops::Range<usize>| String::from_utf8_lossy(&row.buffer()[range]).into_owned();
    let values = row.ranges().map(|range| Ok(range.map_or_else(|| "NULL".to_owned(), text)));
    Ok(values.collect()?)
}

/// An error or a notice; of what has no wording in common (a syntax error) only the code.
pub(crate) fn complaint(fields: ErrorFields<'_>) -> Result<String> {
    let fields: BTreeMap<u8, String> = fields
        .map(|field| Ok((field.type_(), String::from_utf8_lossy(field.value_bytes()).into_owned())))
        .collect()?;
    let field = |letter: u8| fields.get(&letter).map(String::as_str).unwrap_or_default();
    let (severity, code) = (field(b'V'), field(b'C'));
    // Who waited for whom is told by process ids.
    if code == "42601" || code == "40P01" {
        return Ok(format!("{severity} {code}"));
    }
    let mut told = format!("{severity} {code} {}", field(b'M'));
    for (letter, name) in
        [(b'D', "detail"), (b't', "table"), (b'c', "column"), (b'n', "constraint")]
    {
        if fields.contains_key(&letter) {
            write!(told, "; {name}: {}", field(letter))?;
        }
    }
    Ok(told)
}
