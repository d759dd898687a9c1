//! Rows become lines.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{CsvRules, FORMAT};
use crate::decimal;
use crate::encoder::{Encoder, Records, write_inserts};
use crate::error::Result;
use crate::json::write_temporal;
use crate::row_kind::RowKind;
use crate::time::TimestampStyle;
use crate::view::{View, ViewValues, items};

/// Writes each row as a line without its end.
pub(super) struct CsvEncoder {
    schema: SchemaRef,
    rules: CsvRules,
    field: Vec<u8>,
}

impl CsvEncoder {
    pub(super) fn new(schema: SchemaRef, rules: CsvRules) -> Self {
        CsvEncoder { schema, rules, field: Vec::new() }
    }

    fn write_row(&mut self, views: &[View], row: usize, out: &mut Vec<u8>) -> std::result::Result<(), String> {
        for (nth, view) in views.iter().enumerate() {
            if nth > 0 {
                out.push(self.rules.delimiter);
            }
            if view.is_null(row) {
                out.extend_from_slice(self.rules.null_literal.as_deref().unwrap_or_default().as_bytes());
                continue;
            }
            match &view.values {
                ViewValues::Text(texts) => {
                    write_text(&self.rules, texts.value(row).as_bytes(), true, out)?;
                }
                ViewValues::List(offsets, item) => {
                    self.field.clear();
                    for at in items(offsets, row) {
                        if at > items(offsets, row).start {
                            self.field.extend_from_slice(self.rules.array_delimiter.as_bytes());
                        }
                        write_item(&self.rules, item, at, &mut self.field)?;
                    }
                    if self.field.is_empty() && !items(offsets, row).is_empty() {
                        return Err(
                            "an array of one empty value looks like an empty array; set csv.null-literal".into()
                        );
                    }
                    write_text(&self.rules, &self.field, true, out)?;
                }
                ViewValues::Int(_) | ViewValues::UInt64(_) | ViewValues::Bool(_)
                    if self.rules.null_literal.is_none() =>
                {
                    write_plain(view, row, out);
                }
                _ => {
                    self.field.clear();
                    write_plain(view, row, &mut self.field);
                    write_text(&self.rules, &self.field, true, out)?;
                }
            }
        }
        Ok(())
    }
}

impl Encoder for CsvEncoder {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn encode(&mut self, rows: &RecordBatch, kinds: Option<&[RowKind]>, out: &mut Records) -> Result<()> {
        let schema = self.schema.clone();
        write_inserts(FORMAT, &schema, rows, kinds, out, |views, row, out| self.write_row(views, row, out))
    }

    fn header(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for (nth, field) in self.schema.fields().iter().enumerate() {
            if nth > 0 {
                out.push(self.rules.delimiter);
            }
            write_text(&self.rules, field.name().as_bytes(), true, &mut out).ok()?;
        }
        self.rules.header.then_some(out)
    }
}

/// Writes text, in quotes where it would be read as something else. `whole`: it is a value, which may look like null.
fn write_text(rules: &CsvRules, text: &[u8], whole: bool, out: &mut Vec<u8>) -> std::result::Result<(), String> {
    let special = |&byte: &u8| {
        byte == rules.delimiter
            || byte == rules.row_delimiter
            || byte == b'\r'
            || Some(byte) == rules.quote
            || Some(byte) == rules.escape
    };
    let null = whole && rules.null_literal.as_deref().map_or(text.is_empty(), |null| null.as_bytes() == text);
    let comment = rules.comments && text.first() == Some(&b'#');
    match (rules.quote, rules.escape) {
        _ if !(null || comment || (whole && text.is_empty()) || text.iter().any(special)) => {
            out.extend_from_slice(text)
        }
        (Some(quote), escape) => {
            out.push(quote);
            for &byte in text {
                if byte == quote || Some(byte) == escape {
                    out.push(escape.unwrap_or(quote));
                }
                out.push(byte);
            }
            out.push(quote);
        }
        (None, Some(escape)) if !null && !comment && !text.contains(&b'\r') => {
            for byte in text {
                if special(byte) {
                    out.push(escape);
                }
                out.push(*byte);
            }
        }
        _ if text.is_empty() => {}
        _ => {
            return Err(format!(
                "the text {} needs quotes, which `csv.disable-quote-character` forbids",
                crate::fault::quote(text)
            ));
        }
    }
    Ok(())
}

fn write_item(rules: &CsvRules, item: &View, at: usize, out: &mut Vec<u8>) -> std::result::Result<(), String> {
    if item.is_null(at) {
        out.extend_from_slice(rules.null_literal.as_deref().unwrap_or_default().as_bytes());
        return Ok(());
    }
    let begin = out.len();
    match &item.values {
        ViewValues::Text(texts) => out.extend_from_slice(texts.value(at).as_bytes()),
        _ => write_plain(item, at, out),
    }
    let written = out.get(begin..).unwrap_or_default();
    if memchr::memmem::find(written, rules.array_delimiter.as_bytes()).is_some() {
        return Err(format!(
            "the array's element {} holds the delimiter of elements; choose another csv.array-element-delimiter",
            crate::fault::quote(written)
        ));
    }
    if rules.null_literal.as_deref().is_some_and(|null| null.as_bytes() == written) {
        return Err("an array's element looks like NULL; choose another csv.null-literal".into());
    }
    Ok(())
}

/// Writes a value that is neither text nor nested.
fn write_plain(view: &View, row: usize, out: &mut Vec<u8>) {
    match &view.values {
        ViewValues::Bool(array) => out.extend_from_slice(if array.value(row) { b"true" } else { b"false" }),
        ViewValues::Int(ints) => write_temporal(view, ints.value(row), TimestampStyle::Sql, out),
        ViewValues::UInt64(array) => out.extend_from_slice(itoa::Buffer::new().format(array.value(row)).as_bytes()),
        ViewValues::Float32(array) => out.extend_from_slice(ryu::Buffer::new().format(array.value(row)).as_bytes()),
        ViewValues::Float64(array) => out.extend_from_slice(ryu::Buffer::new().format(array.value(row)).as_bytes()),
        ViewValues::Decimal(array) => decimal::write(array.value(row), array.scale(), out),
        ViewValues::Bytes(bytes) => out.extend_from_slice(BASE64.encode(bytes.value(row)).as_bytes()),
        ViewValues::Text(_) | ViewValues::Null | ViewValues::List(..) | ViewValues::Map(..) | ViewValues::Struct(_) => {
        }
    }
}
