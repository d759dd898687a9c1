//! Tests of operators that read as tables.
//!
//! ```text
//! let orders = table("id: Int64, name: Utf8");
//! let rows = orders.rows("+I | 1 | ada  | 00:10
//!                         -D | 2 | null | 00:12");
//! let mut test = Operate::new(1, 1, |_| Ok(Deduplicate::new(config())?));
//! test.rows(0, rows);
//! test.watermark("00:20");
//! assert_eq!(test.take(), text("+I | 1 | ada | 00:10"));
//! ```
//!
//! A line is kind, columns, time; times are `[hh:]mm:ss[.fraction]` after the beginning of 1970, `max` the end of time.

#![allow(dead_code, unused_imports)] // an operator's tests use what they need of it

mod operate;
mod script;

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    util::display::{ArrayFormatter, FormatOptions},
};
use tidemill_engine::{Batch, EventTime, RowKind};

use crate::operators::rows::RowCodec;

pub(crate) use operate::Operate;
pub(crate) use script::{Event, Outcome, play, script};

/// A kind of rows: the columns of a table, and those that are its key.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The columns as an operator's configuration wants them: without the key column.
    pub(crate) schema: SchemaRef,
    key: Option<Vec<usize>>,
}

/// A table of columns `name: Type, …` with Arrow's type names; `Timestamp` is in milliseconds.
pub(crate) fn table(columns: &str) -> Table {
    let field = |column: &str| {
        let (name, data_type) = column.split_once(':').unwrap_or_else(|| panic!("'{column}' is not 'name: Type'"));
        let data_type = match data_type.trim() {
            "Timestamp" => DataType::Timestamp(TimeUnit::Millisecond, None),
            other => other.parse().unwrap(),
        };
        Field::new(name.trim(), data_type, true)
    };
    let fields: Vec<Field> = columns.split(',').map(field).collect();
    Table { schema: Arc::new(Schema::new(fields)), key: None }
}

impl Table {
    /// The same table whose rows come with their key, of these columns, as an operator's input does.
    pub(crate) fn keyed(&self, key: &[usize]) -> Table {
        Table { schema: self.schema.clone(), key: Some(key.to_vec()) }
    }

    /// Rows out of lines `kind | column | … | time`.
    pub(crate) fn rows(&self, lines: &str) -> Batch {
        let lines: Vec<Vec<&str>> = lines.lines().map(|l| l.split('|').map(str::trim).collect()).collect();
        let lines: Vec<Vec<&str>> = lines.into_iter().filter(|l: &Vec<&str>| l != &[""]).collect();
        let width = self.schema.fields().len();
        lines.iter().for_each(|l| assert_eq!(l.len(), width + 2, "kind, {width} columns, time: {l:?}"));
        let column = |at: usize| -> ArrayRef {
            let data_type = self.schema.field(at).data_type();
            let values = lines.iter().map(|l| match l[at + 1] {
                "null" => None,
                value if data_type.is_temporal() => Some(time(value).0.to_string()),
                value => Some(value.to_string()),
            });
            let values: ArrayRef = Arc::new(StringArray::from_iter(values));
            if data_type.is_temporal() {
                let micros =
                    cast(&cast(&values, &DataType::Int64).unwrap(), &DataType::Timestamp(TimeUnit::Microsecond, None));
                return cast(&micros.unwrap(), data_type).unwrap();
            }
            cast(&values, data_type).unwrap()
        };
        let columns: Vec<ArrayRef> = (0..width).map(column).collect();
        let times: Vec<i64> = lines.iter().map(|l| time(l[width + 1]).0).collect();
        let kinds: Vec<RowKind> = lines.iter().map(|l| kind(l[0])).collect();
        self.batch(columns, times).with_kinds(&kinds).unwrap()
    }

    /// Rows of these columns, with their key where the table has one.
    pub(crate) fn batch(&self, mut columns: Vec<ArrayRef>, times: Vec<i64>) -> Batch {
        let mut fields = self.schema.fields().to_vec();
        if let Some(key) = &self.key {
            let parts: Vec<ArrayRef> = key.iter().map(|&at| columns[at].clone()).collect();
            let codec = RowCodec::new(parts.iter().map(|c| c.data_type().clone())).unwrap();
            columns.push(codec.encode_column(&parts, times.len()).unwrap());
            fields.push(Arc::new(Field::new("__key", DataType::Binary, false)));
        }
        Batch::new(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap(), times).unwrap()
    }
}

/// `[hh:]mm:ss[.fraction]` after the beginning of 1970.
pub(crate) fn time(text: &str) -> EventTime {
    if text == "max" {
        return EventTime::MAX;
    }
    let (negative, clock) = text.strip_prefix('-').map_or((false, text), |clock| (true, clock));
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let seconds = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap());
    let micros = seconds * 1_000_000 + format!("{fraction:0<6}").parse::<i64>().unwrap();
    EventTime(if negative { -micros } else { micros })
}

/// The opposite of [`time`].
pub(crate) fn clock(micros: i64) -> String {
    if micros == i64::MAX {
        return "max".into();
    }
    let (sign, micros) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let hours = if hours > 0 { format!("{hours:02}:") } else { String::new() };
    let fraction = if fraction > 0 { format!(".{fraction:06}") } else { String::new() };
    format!("{sign}{hours}{minutes:02}:{seconds:02}{}", fraction.trim_end_matches('0'))
}

fn kind(text: &str) -> RowKind {
    match text {
        "+I" => RowKind::Insert,
        "-U" => RowKind::UpdateBefore,
        "+U" => RowKind::UpdateAfter,
        "-D" => RowKind::Delete,
        other => panic!("'{other}' is no row kind: +I, -U, +U, -D"),
    }
}

fn kind_text(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Insert => "+I",
        RowKind::UpdateBefore => "-U",
        RowKind::UpdateAfter => "+U",
        RowKind::Delete => "-D",
    }
}

/// Lines as [`Operate::take`] gives them, out of lines with any indentation and spacing.
pub(crate) fn text(lines: &str) -> Vec<String> {
    let trimmed = lines.lines().map(|l| l.split('|').map(str::trim).collect::<Vec<_>>().join(" | "));
    trimmed.filter(|l| !l.is_empty()).collect()
}

/// One line a row, as [`Table::rows`] reads it; a `__key` column is left out.
pub(crate) fn print(batch: &Batch) -> Vec<String> {
    let rows = batch.rows();
    let options = FormatOptions::default().with_null("null");
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let columns: Vec<(bool, ArrayRef)> = rows
        .schema()
        .fields()
        .iter()
        .zip(rows.columns())
        .filter(|(field, _)| field.name() != "__key")
        .map(|(field, column)| match field.data_type().is_temporal() {
            true => (true, cast(&cast(column, &micros).unwrap(), &DataType::Int64).unwrap()),
            false => (false, column.clone()),
        })
        .collect();
    let columns: Vec<_> =
        columns.iter().map(|(time, c)| (*time, ArrayFormatter::try_new(c.as_ref(), &options).unwrap())).collect();
    let line = |row: usize| {
        let mut parts = vec![kind_text(batch.kind(row)).to_string()];
        parts.extend(columns.iter().map(|(time, column)| match (time, column.value(row).to_string()) {
            (true, micros) if micros != "null" => clock(micros.parse().unwrap()),
            (_, value) => value,
        }));
        parts.push(clock(batch.times()[row]));
        parts.join(" | ")
    };
    (0..batch.num_rows()).map(line).collect()
}

/// What lines of a changelog amount to: how often each row, without its time, is there.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Consolidated(pub(crate) BTreeMap<String, i64>);

impl Consolidated {
    /// Applies lines in their order; a retraction of a row that is not there fails the test.
    pub(crate) fn apply(&mut self, lines: &[String]) {
        for line in lines {
            let row = line.rsplit_once(" | ").map_or("", |(row, _)| row);
            let (row_kind, row) = row.split_once(" | ").unwrap_or((row, ""));
            let count = self.0.entry(row.to_string()).or_default();
            *count += if kind(row_kind).adds() { 1 } else { -1 };
            assert!(*count >= 0, "'{line}' retracts a row that is not there");
            if *count == 0 {
                self.0.remove(row);
            }
        }
    }

    /// The rows that lines amount to.
    pub(crate) fn of(lines: &[String]) -> Self {
        let mut all = Consolidated::default();
        all.apply(lines);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_read_and_printed() {
        let table = table("id: Int64, name: Utf8, at: Timestamp").keyed(&[1]);
        let lines = "+I | 1 | ada | 00:10 | 00:10.5\n-U | null | null | null | 01:00:00\n";
        let batch = table.rows(lines);
        assert_eq!(batch.rows().num_columns(), 4);
        assert_eq!(batch.kind(1), RowKind::UpdateBefore);
        assert_eq!(print(&batch), text(lines));
    }

    #[test]
    fn a_changelog_amounts_to_the_rows_that_are_left() {
        let all = Consolidated::of(&text("+I | a | 00:01\n+I | b | 00:01\n-D | a | 00:02\n+I | b | 00:03"));
        assert_eq!(all.0.into_iter().collect::<Vec<_>>(), [("b".to_string(), 2)]);
    }
}
