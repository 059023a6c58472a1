//! Answers as messages.

use bytes::{BufMut, BytesMut};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{DataRow, FieldDescription, RowDescription};
use pgwire::messages::response::{CommandComplete, ErrorResponse, NoticeResponse};

use crate::error::PgError;
use crate::plan::Field;
use crate::value::{Row, binary, text};

pub(super) fn message(message: &PgWireBackendMessage, out: &mut BytesMut) {
    // Only what is longer than a message can be is refused.
    message.encode(out).expect("an answer fits a message");
}

pub(super) fn error(error: &PgError) -> PgWireBackendMessage {
    PgWireBackendMessage::ErrorResponse(ErrorResponse::new(fields(error)))
}

pub(super) fn notice(notice: &PgError) -> PgWireBackendMessage {
    PgWireBackendMessage::NoticeResponse(NoticeResponse::new(fields(notice)))
}

/// PostgreSQL manual, "Error and Notice Message Fields".
fn fields(error: &PgError) -> Vec<(u8, String)> {
    let severity = error.severity.name().to_owned();
    let mut fields = vec![
        (b'S', severity.clone()),
        (b'V', severity),
        (b'C', error.code.to_owned()),
        (b'M', error.message.clone()),
    ];
    let optional = [
        (b'D', error.detail.clone()),
        (b'H', error.hint.clone()),
        (b's', error.table.is_some().then(|| "public".to_owned())),
        (b't', error.table.clone()),
        (b'c', error.column.clone()),
        (b'n', error.constraint.clone()),
        (b'R', error.routine.map(ToOwned::to_owned)),
    ];
    fields.extend(optional.into_iter().filter_map(|(letter, text)| Some((letter, text?))));
    fields
}

pub(super) fn complete(tag: &str) -> PgWireBackendMessage {
    PgWireBackendMessage::CommandComplete(CommandComplete::new(tag.to_owned()))
}

/// The format of a column: one for all, one for each, or text.
pub(super) fn format_of(formats: &[i16], at: usize) -> i16 {
    match formats {
        [] => 0,
        [one] => *one,
        each => each.get(at).copied().unwrap_or(0),
    }
}

pub(super) fn description(fields: &[Field], formats: &[i16]) -> PgWireBackendMessage {
    let fields = fields.iter().enumerate().map(|(at, field)| {
        let (table, column) = field.origin;
        FieldDescription::new(
            field.name.clone(),
            table.cast_signed(),
            column,
            field.ty.oid(),
            field.ty.size(),
            -1,
            format_of(formats, at),
        )
    });
    PgWireBackendMessage::RowDescription(RowDescription::new(fields.collect()))
}

pub(super) fn row(fields: &[Field], row: &Row, formats: &[i16]) -> PgWireBackendMessage {
    let mut data = BytesMut::new();
    for (at, (field, value)) in fields.iter().zip(row).enumerate() {
        if value.is_null() {
            data.put_i32(-1);
            continue;
        }
        let mut bytes = BytesMut::new();
        if format_of(formats, at) == 1 {
            binary::write(value, field.ty, &mut bytes);
        } else {
            bytes.put_slice(text::write(value, field.ty).as_bytes());
        }
        data.put_i32(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        data.put_slice(&bytes);
    }
    let columns = i16::try_from(row.len()).unwrap_or(i16::MAX);
    PgWireBackendMessage::DataRow(DataRow::new(data, columns))
}
