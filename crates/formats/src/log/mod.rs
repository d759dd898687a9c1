//! Lines of logs: regular expressions, W3C, syslog, fixed columns and variable columns.
//!
//! The parsers are those of Kinesis Data Analytics' functions (`REGEX_LOG_PARSE`, `W3C_LOG_PARSE`, `SYS_LOG_PARSE`,
//! `FIXED_COLUMN_LOG_PARSE`, `VARIABLE_COLUMN_LOG_PARSE`): [`LogOptions::schema`] has the columns that the function
//! returned, and a line that the function returned NULL for is rejected here.

mod columns;
mod fixed;
mod regex;
mod syslog;
mod w3c;

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::column::{Column, Kind, TextRules};
use crate::csv::{CsvReader, CsvRules};
use crate::decoder::{BatchDecoder, Decoder, OnFault, ReadRecord, Rows};
use crate::error::{Error, Result};
use crate::fault::{Fault, Read, quote};
use crate::json::utf8;
use crate::options::{Chosen, unescape};
use crate::row_kind::RowKind;
use crate::time::Instant;

/// Columns that a line may be cut into.
const COLUMNS_MAX: usize = 1_000;

/// A field of a line.
#[derive(Clone, Debug)]
pub(crate) enum LogField {
    /// The line says that there is none.
    Missing,
    /// A part of the line.
    Part(Range<usize>),
    /// A part of the line that is a time, already understood.
    Time(Range<usize>, Instant),
    /// A number that the line says in code.
    Number(i64),
}

/// Cuts a line into fields.
pub(crate) trait CutLine: Send + Sync {
    /// Fills `fields`, one for each of the parser's columns.
    fn cut(&self, line: &str, fields: &mut Vec<LogField>) -> Read;
}

/// A parser of lines with its options, checked.
#[derive(Clone)]
pub struct LogOptions {
    format: &'static str,
    schema: SchemaRef,
    on_fault: OnFault,
    parser: Parser,
}

#[derive(Clone)]
enum Parser {
    Cut(Arc<dyn CutLine>),
    Delimited(CsvRules),
}

impl std::fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogOptions").field("format", &self.format).field("schema", &self.schema).finish()
    }
}

impl LogOptions {
    pub(crate) fn new(format: &'static str, chosen: &Chosen<'_>) -> Result<Self> {
        let (fields, parser): (Vec<Field>, Parser) = match format {
            "regex" => {
                let pattern = chosen.required("pattern", "the regular expression that matches a whole line")?;
                let cutter = regex::RegexLine::new(pattern).map_err(|rule| chosen.invalid("pattern", pattern, rule))?;
                let fields = match chosen.given("columns") {
                    None => cutter.fields(),
                    Some(text) => {
                        let declared = columns::parse(text).map_err(|rule| chosen.invalid("columns", text, rule))?;
                        let groups = cutter.fields().len();
                        if declared.len() != groups {
                            let rule = format!("the pattern has {groups} groups, here are {} columns", declared.len());
                            return Err(chosen.invalid("columns", text, rule));
                        }
                        declared.into_iter().map(|spec| spec.field).collect()
                    }
                };
                (fields, Parser::Cut(Arc::new(cutter)))
            }
            "w3c" => {
                let cutter = w3c::W3cLine::new(chosen.text("pattern"))
                    .map_err(|rule| chosen.invalid("pattern", chosen.text("pattern"), rule))?;
                (numbered(cutter.len()), Parser::Cut(Arc::new(cutter)))
            }
            "syslog" => {
                let year = chosen.text("year");
                let year: i64 = year.parse().map_err(|_| chosen.invalid("year", year, "say a year like 2026"))?;
                let standard = chosen.one_of("standard", syslog::STANDARDS)?;
                (syslog::fields(), Parser::Cut(Arc::new(syslog::SyslogLine { standard, year })))
            }
            "fixed-columns" => {
                let text = chosen.required("columns", "'name TYPE type START n [FOR m], …'")?;
                let cutter = fixed::FixedLine::new(text).map_err(|rule| chosen.invalid("columns", text, rule))?;
                (cutter.fields(), Parser::Cut(Arc::new(cutter)))
            }
            _ => {
                let text = chosen.required("columns", "'name TYPE type, …', or how many there are")?;
                let fields = columns::named_or_counted(text).map_err(|rule| chosen.invalid("columns", text, rule))?;
                (fields, Parser::Delimited(delimited(chosen)?))
            }
        };
        if fields.is_empty() || fields.len() > COLUMNS_MAX {
            let reason = format!("a line has 1 to {COLUMNS_MAX} columns, not {}", fields.len());
            return Err(Error::SchemaMismatch { format, reason });
        }
        let on_fault = if chosen.flag("ignore-parse-errors")? { OnFault::Ignore } else { OnFault::Reject };
        Ok(LogOptions { format, schema: Arc::new(Schema::new(fields)), on_fault, parser })
    }

    /// The format's name.
    pub fn name(&self) -> &'static str {
        self.format
    }

    /// The parser's own columns, as the function of Kinesis Data Analytics returned them.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A decoder into these columns: they take the parser's by name where all their names are known to it, else by
    /// place.
    pub fn decoder(&self, schema: SchemaRef) -> Result<Box<dyn Decoder>> {
        let known = |field: &Arc<Field>| {
            self.schema.fields().iter().position(|own| own.name().eq_ignore_ascii_case(field.name()))
        };
        let places: Option<Vec<usize>> = schema.fields().iter().map(known).collect();
        let places = places.unwrap_or_else(|| (0..schema.fields().len()).collect());
        if schema.fields().len() > self.schema.fields().len() {
            let names: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
            let reason = format!("lines have the {} columns {}", names.len(), names.join(", "));
            return Err(Error::SchemaMismatch { format: self.format, reason });
        }
        match &self.parser {
            Parser::Cut(cutter) => {
                let reader = LineReader { cutter: Arc::clone(cutter), places, fields: Vec::new() };
                Ok(Box::new(BatchDecoder::new(schema, self.format, reader, self.on_fault)?))
            }
            Parser::Delimited(rules) => {
                if places.iter().enumerate().any(|(column, place)| column != *place) {
                    let reason = "its columns are taken by place: declare them in the order of the line".to_owned();
                    return Err(Error::SchemaMismatch { format: self.format, reason });
                }
                let reader = CsvReader::new(rules.clone());
                Ok(Box::new(BatchDecoder::new(schema, self.format, reader, self.on_fault)?))
            }
        }
    }
}

/// `COLUMN1` to `COLUMNn`, all text.
fn numbered(count: usize) -> Vec<Field> {
    (1..=count).map(|nth| Field::new(format!("COLUMN{nth}"), DataType::Utf8, true)).collect()
}

fn delimited(chosen: &Chosen<'_>) -> Result<CsvRules> {
    let delimiter = chosen.byte("delimiter")?.ok_or_else(|| chosen.invalid("delimiter", "", "say one character"))?;
    Ok(CsvRules {
        delimiter,
        row_delimiter: b'\n',
        quote: chosen.byte("quote")?,
        escape: chosen.byte("escape")?,
        array_delimiter: unescape(";"),
        null_literal: None,
        comments: false,
        header: false,
        text: TextRules::Kinesis,
        ignore_faults: chosen.flag("ignore-parse-errors")?,
        ragged: true,
    })
}

/// Reads records that are a line each.
struct LineReader {
    cutter: Arc<dyn CutLine>,
    /// For each column the parser's field.
    places: Vec<usize>,
    fields: Vec<LogField>,
}

impl ReadRecord for LineReader {
    fn read(&mut self, record: &[u8], rows: &mut Rows) -> Read {
        let text = utf8(record)?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        self.fields.clear();
        self.cutter.cut(line, &mut self.fields)?;
        for (column, place) in rows.columns.iter_mut().zip(&self.places) {
            let field = self.fields.get(*place).unwrap_or(&LogField::Missing);
            read_field(line, field, column).map_err(|fault| fault.in_key(column.name()))?;
        }
        rows.end_row(RowKind::Insert);
        Ok(())
    }
}

fn read_field(line: &str, field: &LogField, column: &mut Column) -> Read {
    let text = |range: &Range<usize>| line.get(range.clone()).unwrap_or_default();
    match field {
        LogField::Missing => column.push_null(),
        LogField::Number(number) if column.kind() == Kind::Text => column.push_text(&number.to_string()),
        LogField::Number(number) => column.push_int(*number),
        LogField::Time(_, instant) if matches!(column.kind(), Kind::Timestamp { .. }) => column.push_instant(*instant),
        LogField::Time(range, _) | LogField::Part(range) => match (text(range), column.kind()) {
            (text, Kind::Text) => column.push_text(text),
            ("" | "-", _) => column.push_null(),
            (text, _) => column.parse_text(text, TextRules::Kinesis),
        },
    }
}

/// A line that is not made as the parser expects it.
#[cold]
fn unlike(what: &str, line: &str) -> Fault {
    Fault::broken(format!("the line is no {what}: {}", quote(line.as_bytes())))
}

#[cfg(test)]
mod tests;
