//! Rows become JSON objects.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::FORMAT;
use super::scanner::plain_end;
use crate::column::{Column, Kind};
use crate::decimal;
use crate::encoder::{Encoder, Records, all_or_nothing, check_batch, inserts_only};
use crate::error::Result;
use crate::row_kind::RowKind;
use crate::time::{self, TimestampStyle};
use crate::view::{View, ViewValues, items};

/// What of the output can be chosen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WriteRules {
    /// How timestamps are written.
    pub(crate) timestamps: TimestampStyle,
    /// Fields that are null are left out.
    pub(crate) ignore_null_fields: bool,
}

/// Writes each row as one object.
pub(crate) struct JsonEncoder {
    schema: SchemaRef,
    rules: WriteRules,
    names: Vec<Vec<u8>>,
}

impl JsonEncoder {
    pub(crate) fn new(schema: SchemaRef, format: &'static str, rules: WriteRules) -> Result<Self> {
        for field in schema.fields() {
            super::check_maps(&Column::new(field, format)?, field, format)?;
        }
        let names = schema.fields().iter().map(|field| quoted(field.name())).collect();
        Ok(JsonEncoder { schema, rules, names })
    }

    /// The batch's columns, checked.
    pub(crate) fn views(&self, rows: &RecordBatch, kinds: Option<&[RowKind]>) -> Result<Vec<View>> {
        check_batch(&self.schema, rows, kinds)?;
        let columns = self.schema.fields().iter().zip(rows.columns());
        columns.map(|(field, array)| View::new(field, array, FORMAT)).collect()
    }

    /// Writes a row as an object.
    pub(crate) fn write_row(&self, views: &[View], row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        let begin = out.len();
        for (name, view) in self.names.iter().zip(views) {
            if begin_member(Name::Quoted(name), view, row, begin, self.rules, out) {
                write_value(view, row, self.rules, out);
            }
        }
        out.push(b'}');
    }
}

impl Encoder for JsonEncoder {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn encode(&mut self, rows: &RecordBatch, kinds: Option<&[RowKind]>, out: &mut Records) -> Result<()> {
        inserts_only(FORMAT, kinds)?;
        let views = self.views(rows, kinds)?;
        all_or_nothing(out, |out| {
            for row in 0..rows.num_rows() {
                self.write_row(&views, row, out.buffer());
                out.end_record();
            }
            Ok(())
        })
    }
}

/// A member's name, as it is or ready to be written.
#[derive(Clone, Copy)]
enum Name<'n> {
    Plain(&'n str),
    Quoted(&'n [u8]),
}

/// Writes a member up to its value; whether that is still to be written.
fn begin_member(name: Name<'_>, view: &View, row: usize, begin: usize, rules: WriteRules, out: &mut Vec<u8>) -> bool {
    let null = view.is_null(row);
    if null && rules.ignore_null_fields {
        return false;
    }
    if out.len() > begin {
        out.push(b',');
    }
    match name {
        Name::Plain(name) => write_string(name, out),
        Name::Quoted(name) => out.extend_from_slice(name),
    }
    out.push(b':');
    if null {
        out.extend_from_slice(b"null");
    }
    !null
}

fn write_value(view: &View, row: usize, rules: WriteRules, out: &mut Vec<u8>) {
    match &view.values {
        ViewValues::Null => out.extend_from_slice(b"null"),
        ViewValues::Bool(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
        ViewValues::Int(ints) => write_int(view, ints.value(row), rules, out),
        ViewValues::UInt64(array) => out.extend_from_slice(itoa::Buffer::new().format(array.value(row)).as_bytes()),
        ViewValues::Float32(array) => write_float(array.value(row), out),
        ViewValues::Float64(array) => write_float(array.value(row), out),
        ViewValues::Decimal(array) => decimal::write(array.value(row), array.scale(), out),
        ViewValues::Text(texts) => write_string(texts.value(row), out),
        ViewValues::Bytes(bytes) => {
            out.push(b'"');
            out.extend_from_slice(BASE64.encode(bytes.value(row)).as_bytes());
            out.push(b'"');
        }
        ViewValues::List(offsets, item) => {
            out.push(b'[');
            for at in items(offsets, row) {
                if at > items(offsets, row).start {
                    out.push(b',');
                }
                if item.is_null(at) { out.extend_from_slice(b"null") } else { write_value(item, at, rules, out) }
            }
            out.push(b']');
        }
        ViewValues::Map(offsets, key, value) => {
            out.push(b'{');
            let begin = out.len();
            for at in items(offsets, row) {
                let ViewValues::Text(keys) = &key.values else { continue };
                if begin_member(Name::Plain(keys.value(at)), value, at, begin, rules, out) {
                    write_value(value, at, rules, out);
                }
            }
            out.push(b'}');
        }
        ViewValues::Struct(fields) => {
            out.push(b'{');
            let begin = out.len();
            for (field, view) in fields {
                if begin_member(Name::Plain(field.name()), view, row, begin, rules, out) {
                    write_value(view, row, rules, out);
                }
            }
            out.push(b'}');
        }
    }
}

fn write_int(view: &View, value: i64, rules: WriteRules, out: &mut Vec<u8>) {
    match view.kind {
        Kind::Date | Kind::Time(_) => {
            out.push(b'"');
            write_temporal(view, value, rules.timestamps, out);
            out.push(b'"');
        }
        Kind::Timestamp { .. } if !matches!(rules.timestamps, TimestampStyle::Epoch(_)) => {
            out.push(b'"');
            write_temporal(view, value, rules.timestamps, out);
            out.push(b'"');
        }
        _ => write_temporal(view, value, rules.timestamps, out),
    }
}

/// Writes a date, time or timestamp, or a plain integer.
pub(crate) fn write_temporal(view: &View, value: i64, style: TimestampStyle, out: &mut Vec<u8>) {
    match view.kind {
        Kind::Date => time::write_date(value, out),
        Kind::Time(unit) => {
            let time = time::Instant::from_unit(value, unit);
            time::write_time(time.seconds, time.nanos, out);
        }
        Kind::Timestamp { unit, zoned } => time::write_timestamp(value, unit, zoned, style, out),
        _ => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
    }
}

/// Writes a number; what JSON has no number for as text, which the decoder reads.
fn write_float<F: ryu::Float + Into<f64>>(value: F, out: &mut Vec<u8>) {
    let wide: f64 = value.into();
    if wide.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(non_finite(wide).as_bytes());
    }
}

fn non_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "\"NaN\""
    } else if value > 0.0 {
        "\"Infinity\""
    } else {
        "\"-Infinity\""
    }
}

fn quoted(name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 2);
    write_string(name, &mut out);
    out
}

/// Writes a string with its quotes.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut begin = 0;
    loop {
        let at = plain_end(bytes, begin);
        out.extend_from_slice(bytes.get(begin..at).unwrap_or_default());
        let Some(&byte) = bytes.get(at) else { break };
        let escape = match byte {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            8 => b'b',
            12 => b'f',
            0..0x20 => b'u',
            quote_or_backslash => quote_or_backslash,
        };
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(&[b'0', b'0', b'0' + (byte >> 4), DIGITS[usize::from(byte & 15)]]);
        }
        begin = at + 1;
    }
    out.push(b'"');
}
