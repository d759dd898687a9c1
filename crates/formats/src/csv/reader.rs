//! Lines of delimited fields become rows.

use memchr::{memchr2, memchr3};

use crate::column::{Column, Kind, TextRules, Values};
use crate::decoder::{ReadRecord, Rows};
use crate::fault::{Fault, Read};
use crate::json::utf8;
use crate::row_kind::RowKind;

/// How lines are made up.
#[derive(Clone, Debug)]
pub(crate) struct CsvRules {
    pub(crate) delimiter: u8,
    /// Between rows; a carriage return before a line feed is not part of the row.
    pub(crate) row_delimiter: u8,
    pub(crate) quote: Option<u8>,
    pub(crate) escape: Option<u8>,
    pub(crate) array_delimiter: String,
    pub(crate) null_literal: Option<String>,
    pub(crate) comments: bool,
    /// A line of the columns' names is no row.
    pub(crate) header: bool,
    pub(crate) text: TextRules,
    pub(crate) ignore_faults: bool,
    /// Missing fields are null, further ones are passed over.
    pub(crate) ragged: bool,
}

/// Reads records of one line or several.
#[derive(Debug)]
pub(crate) struct CsvReader {
    rules: CsvRules,
    scratch: String,
}

/// A field as it stands in the line.
struct FieldText<'t> {
    text: &'t str,
    quoted: bool,
}

impl ReadRecord for CsvReader {
    fn read(&mut self, record: &[u8], rows: &mut Rows) -> Read {
        let text = utf8(record)?;
        if text.is_empty() {
            return self.read_line(text, 0, rows).map(|_| ());
        }
        let (mut at, mut line) = (0, 1);
        let several = memchr::memchr(self.rules.row_delimiter, record).is_some_and(|end| end + 1 < record.len());
        while at < text.len() {
            at = self.read_line(text, at, rows).map_err(|fault| match several {
                true => Fault::new(format!("line {line}: {fault}")),
                false => fault,
            })?;
            line += 1;
        }
        Ok(())
    }
}

impl CsvReader {
    pub(crate) fn new(rules: CsvRules) -> Self {
        CsvReader { rules, scratch: String::new() }
    }

    /// Reads the line that begins at a place; where the next one begins.
    fn read_line(&mut self, text: &str, begin: usize, rows: &mut Rows) -> Read<usize> {
        let first = text.as_bytes().get(begin).copied();
        let blank = matches!(first, None | Some(b'\r')) || first == Some(self.rules.row_delimiter);
        let comment = self.rules.comments && first == Some(b'#');
        if (blank && rows.columns.len() > 1) || comment {
            let (end, next) = self.line_end(text, begin);
            if comment || text.get(begin..end).is_some_and(|line| line.trim_end_matches('\r').is_empty()) {
                rows.skipped.empty += 1;
                return Ok(next);
            }
        }
        if self.rules.header && self.is_header(text, begin, rows) {
            rows.skipped.empty += 1;
            return Ok(self.line_end(text, begin).1);
        }
        let (row, mut at) = (rows.len(), begin);
        let mut columns = 0;
        let expected = rows.columns.len();
        let ended = loop {
            let (field, after) = split_field(&self.rules, text, at, &mut self.scratch)?;
            if let Some(column) = rows.columns.get_mut(columns) {
                read_field(&self.rules, &field, column).map_err(|fault| fault.in_key(column.name()))?;
            } else if !self.rules.ragged {
                return Err(Fault::new(format!("the line has more than the declared {expected} columns")));
            }
            columns += 1;
            match after {
                After::Field(next) => at = next,
                After::Row(next) => break next,
            }
        };
        if columns < expected && !self.rules.ragged {
            return Err(Fault::new(format!("the line has {columns} columns, declared are {expected}")));
        }
        for column in rows.columns.iter_mut().skip(columns) {
            column.push_null()?;
        }
        debug_assert!(rows.columns.iter().all(|column| column.len() == row + 1));
        rows.end_row(RowKind::Insert);
        Ok(ended)
    }

    /// Where a line without quotes ends, and where the next begins.
    fn line_end(&self, text: &str, begin: usize) -> (usize, usize) {
        let rest = text.as_bytes().get(begin..).unwrap_or_default();
        match memchr::memchr(self.rules.row_delimiter, rest) {
            Some(length) => (begin + length, begin + length + 1),
            None => (text.len(), text.len()),
        }
    }

    fn is_header(&mut self, text: &str, begin: usize, rows: &Rows) -> bool {
        let mut at = begin;
        let mut names = rows.columns.iter().map(Column::name);
        loop {
            let Ok((field, after)) = split_field(&self.rules, text, at, &mut self.scratch) else { return false };
            if names.next() != Some(field.text.trim()) {
                return false;
            }
            match after {
                After::Field(next) => at = next,
                After::Row(_) => return names.next().is_none(),
            }
        }
    }
}

/// What follows a field, and where.
enum After {
    Field(usize),
    Row(usize),
}

/// The field that begins at a place. `scratch` holds it where it is not the line's text as it stands.
fn split_field<'t>(
    rules: &CsvRules,
    text: &'t str,
    begin: usize,
    scratch: &'t mut String,
) -> Read<(FieldText<'t>, After)> {
    let bytes = text.as_bytes();
    if rules.quote.is_some() && bytes.get(begin).copied() == rules.quote {
        return split_quoted(rules, text, begin + 1, scratch);
    }
    let rest = bytes.get(begin..).unwrap_or_default();
    let found = match rules.escape {
        None => first_of(rules.delimiter, rules.row_delimiter, rest),
        Some(escape) => match memchr3(rules.delimiter, rules.row_delimiter, escape, rest) {
            Some(at) if rest.get(at) == Some(&escape) => return split_escaped(rules, text, begin, scratch),
            found => found,
        },
    };
    let end = found.map_or(text.len(), |length| begin + length);
    Ok((FieldText { text: cut(rules, text, begin, end), quoted: false }, after(rules, bytes, end)))
}

/// The first place of either byte. Fields are short: eight bytes at once, without the start that `memchr2` needs.
#[inline]
fn first_of(a: u8, b: u8, bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(&chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(chunk);
        // The high bit of each byte that is zero; exact up to and with the first one, which is all that is asked.
        let zero = |x: u64| x.wrapping_sub(ONES) & !x;
        let found = (zero(word ^ (ONES * u64::from(a))) | zero(word ^ (ONES * u64::from(b)))) & HIGH;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|&byte| byte == a || byte == b).map(|more| at + more)
}

/// What follows when a field ended at `end`.
fn after(rules: &CsvRules, bytes: &[u8], end: usize) -> After {
    match bytes.get(end) {
        Some(&byte) if byte == rules.delimiter => After::Field(end + 1),
        Some(_) => After::Row(end + 1),
        None => After::Row(end),
    }
}

/// A field's text; a carriage return at the end of the line is none of it.
fn cut<'t>(rules: &CsvRules, text: &'t str, begin: usize, end: usize) -> &'t str {
    let field = text.get(begin..end).unwrap_or_default();
    let ends_row = text.as_bytes().get(end).is_none_or(|&byte| byte == rules.row_delimiter);
    if ends_row && rules.row_delimiter == b'\n' { field.strip_suffix('\r').unwrap_or(field) } else { field }
}

fn split_escaped<'t>(
    rules: &CsvRules,
    text: &'t str,
    begin: usize,
    scratch: &'t mut String,
) -> Read<(FieldText<'t>, After)> {
    scratch.clear();
    let bytes = text.as_bytes();
    let (mut from, mut at) = (begin, begin);
    while let Some(&byte) = bytes.get(at) {
        if byte == rules.delimiter || byte == rules.row_delimiter {
            break;
        }
        if Some(byte) == rules.escape {
            scratch.push_str(text.get(from..at).unwrap_or_default());
            from = at + 1;
            at += text.get(from..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        }
        at += 1;
    }
    let at = at.min(text.len());
    scratch.push_str(cut(rules, text, from.min(at), at));
    Ok((FieldText { text: scratch, quoted: false }, after(rules, bytes, at)))
}

/// The field inside quotes, from behind the first one.
fn split_quoted<'t>(
    rules: &CsvRules,
    text: &'t str,
    begin: usize,
    scratch: &'t mut String,
) -> Read<(FieldText<'t>, After)> {
    let bytes = text.as_bytes();
    let quote = rules.quote.unwrap_or(b'"');
    let escape = rules.escape.unwrap_or(quote);
    scratch.clear();
    let (mut from, mut copied) = (begin, false);
    loop {
        let rest = bytes.get(from..).unwrap_or_default();
        let Some(length) = memchr2(quote, escape, rest) else {
            return Err(Fault::broken(format!("the quote at byte {} is not closed", begin - 1)));
        };
        let at = from + length;
        let doubled = bytes.get(at) == Some(&quote) && bytes.get(at + 1) == Some(&quote);
        let escaped = bytes.get(at) != Some(&quote);
        if doubled || escaped {
            let char_length = text.get(at + 1..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            scratch.push_str(text.get(from..at).unwrap_or_default());
            scratch.push_str(text.get(at + 1..at + 1 + char_length).unwrap_or_default());
            from = at + 1 + char_length;
            copied = true;
            continue;
        }
        let last = text.get(from..at).unwrap_or_default();
        let mut end = at + 1;
        if rules.row_delimiter == b'\n' && matches!(bytes.get(end..), Some([b'\r'] | [b'\r', b'\n', ..])) {
            end += 1;
        }
        if bytes.get(end).is_some_and(|&byte| byte != rules.delimiter && byte != rules.row_delimiter) {
            return Err(Fault::broken(format!("text follows the closing quote at byte {at}")));
        }
        let text = if copied {
            scratch.push_str(last);
            scratch
        } else {
            last
        };
        return Ok((FieldText { text, quoted: true }, after(rules, bytes, end)));
    }
}

/// Reads a field into its column.
#[inline]
fn read_field(rules: &CsvRules, field: &FieldText<'_>, column: &mut Column) -> Read {
    if !field.quoted {
        let empty = field.text.is_empty() && column.kind() != Kind::Text;
        if empty || rules.null_literal.as_deref() == Some(field.text) {
            return column.push_null();
        }
    }
    let len = column.len();
    let read = match &mut column.values {
        Values::List { item, .. } => read_items(rules, field.text, item).and_then(|()| column.end_nested()),
        _ => column.parse_text(field.text, rules.text),
    };
    if read.is_err() && rules.ignore_faults && column.is_nullable() {
        column.truncate(len);
        return column.push_null();
    }
    read
}

fn read_items(rules: &CsvRules, text: &str, item: &mut Column) -> Read {
    if text.is_empty() {
        return Ok(());
    }
    for (index, part) in text.split(rules.array_delimiter.as_str()).enumerate() {
        let read = if rules.null_literal.as_deref() == Some(part) {
            item.push_null()
        } else {
            item.parse_text(part, rules.text)
        };
        read.map_err(|fault| fault.in_index(index))?;
    }
    Ok(())
}
