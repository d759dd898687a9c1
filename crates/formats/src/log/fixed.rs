//! `FIXED_COLUMN_LOG_PARSE`: columns at fixed places, counted in characters from 0.

use arrow::datatypes::Field;

use super::columns::{self, ColumnSpec};
use super::{CutLine, LogField};
use crate::fault::Read;

pub(super) struct FixedLine {
    columns: Vec<ColumnSpec>,
}

impl FixedLine {
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let columns = columns::parse(text)?;
        match columns.iter().find(|column| column.start.is_none()) {
            Some(column) => Err(format!("column `{}` has no START", column.field.name())),
            None => Ok(FixedLine { columns }),
        }
    }

    pub(super) fn fields(&self) -> Vec<Field> {
        self.columns.iter().map(|column| column.field.clone()).collect()
    }
}

impl CutLine for FixedLine {
    fn cut(&self, line: &str, fields: &mut Vec<LogField>) -> Read {
        let byte_of = |character: usize| match line.is_ascii() {
            true => character.min(line.len()),
            false => line.char_indices().nth(character).map_or(line.len(), |(at, _)| at),
        };
        fields.extend(self.columns.iter().map(|column| {
            let start = column.start.unwrap_or(0);
            let begin = byte_of(start);
            let end = column.length.map_or(line.len(), |length| byte_of(start.saturating_add(length)));
            // A line that ends before a column begins has none; the blanks that fill a column are no part of it.
            let text = line.get(begin..end).unwrap_or_default().trim_end();
            if begin == line.len() { LogField::Missing } else { LogField::Part(begin..begin + text.len()) }
        }));
        Ok(())
    }
}
