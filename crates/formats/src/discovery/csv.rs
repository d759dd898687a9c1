//! The columns of delimited lines.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Schema};

use super::observed::{Observed, is_number};
use super::{COLUMNS_MAX, Discovery, columns};
use crate::format::Format;
use crate::options::Options;

const DELIMITERS: [char; 4] = [',', '\t', ';', '|'];

/// The schema of lines; `None` where they have no columns.
pub(super) fn discover(texts: &[&str]) -> Option<Discovery> {
    let lines: Vec<&str> = texts.iter().flat_map(|text| text.lines()).filter(|line| !line.is_empty()).collect();
    let delimiter = delimiter(&lines);
    let rows = split(texts, delimiter.unwrap_or(','))?;
    let width = rows.iter().map(Vec::len).max()?;
    let header = is_header(&rows);
    let mut observed = vec![Observed::default(); width];
    for row in rows.iter().skip(usize::from(header)) {
        for (field, observed) in row.iter().zip(&mut observed) {
            observed.field(field);
        }
    }
    let names = |place: usize| match rows.first() {
        Some(first) if header => first.get(place).cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let crlf = texts.iter().any(|text| text.contains("\r\n"));
    Some(Discovery {
        format: "csv",
        columns: columns(observed.into_iter().enumerate().map(|(place, observed)| (names(place), None, observed))),
        column_delimiter: Some(delimiter.unwrap_or(',')),
        row_delimiter: Some(if crlf { "\r\n" } else { "\n" }),
        header,
    })
}

/// The delimiter that most lines have, and as often; the first of equal ones.
fn delimiter(lines: &[&str]) -> Option<char> {
    let score = |delimiter: char| {
        let counts: Vec<usize> = lines.iter().map(|line| outside_quotes(line, delimiter)).collect();
        let usual = counts.first().copied().unwrap_or(0);
        (usual > 0).then(|| (counts.iter().filter(|count| **count == usual).count(), usual))
    };
    let best = DELIMITERS
        .into_iter()
        .rev()
        .filter_map(|delimiter| Some((score(delimiter)?, delimiter)))
        .max_by_key(|(score, _)| *score);
    best.map(|(_, delimiter)| delimiter)
}

fn outside_quotes(line: &str, delimiter: char) -> usize {
    let mut quoted = false;
    let counts = |c: char| {
        quoted ^= c == '"';
        !quoted && c == delimiter
    };
    line.chars().map(counts).filter(|counted| *counted).count()
}

/// The samples' rows as texts, by the decoder that will read them.
fn split(texts: &[&str], delimiter: char) -> Option<Vec<Vec<String>>> {
    let lines = texts.iter().flat_map(|text| text.lines());
    let width = lines.map(|line| outside_quotes(line, delimiter) + 1).max()?;
    if width > COLUMNS_MAX {
        return None;
    }
    let fields: Vec<Field> = (0..width).map(|nth| Field::new(nth.to_string(), DataType::Utf8, true)).collect();
    let shown = if delimiter == '\t' { "\\t".to_owned() } else { delimiter.to_string() };
    let options = Options::new().with("csv.coercion", "kinesis").with("csv.field-delimiter", shown);
    let mut decoder = Format::named("csv", &options).ok()?.decoder(Arc::new(Schema::new(fields))).ok()?;
    let records: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    let rows = decoder.decode(&records).ok()?.rows;
    let row = |row: usize| -> Vec<String> {
        let cells = rows.columns().iter().map(|column| column.as_string::<i32>());
        cells
            .map_while(|column| arrow::array::Array::is_valid(column, row).then(|| column.value(row).to_owned()))
            .collect()
    };
    Some((0..rows.num_rows()).map(row).filter(|cells| !cells.is_empty()).collect())
}

/// The first row holds names: distinct texts, none of them a number, over a column of numbers or times; or, where
/// all columns are text, words that look like names and that are in no other row.
fn is_header(rows: &[Vec<String>]) -> bool {
    let [first, others @ ..] = rows else { return false };
    let distinct = first.iter().enumerate().all(|(at, name)| !first[..at].contains(name));
    if others.is_empty() || !distinct || first.iter().any(|name| name.trim().is_empty() || is_number(name.trim())) {
        return false;
    }
    let mut observed = vec![Observed::default(); first.len()];
    for row in others {
        row.iter().zip(&mut observed).for_each(|(field, observed)| observed.field(field));
    }
    let is_name = |name: &String| name.trim().chars().all(|c| c.is_alphanumeric() || "_ -.".contains(c));
    let again = || others.iter().any(|row| row.iter().zip(first).any(|(field, name)| field == name));
    observed.iter().any(Observed::is_narrow)
        || (first.len() > 1 && first.iter().all(is_name) && !again() && all_lower(first))
}

/// Words in small letters, or with an underscore: `ticker_symbol`, not `Ann`.
fn all_lower(names: &[String]) -> bool {
    names.iter().all(|name| name.contains('_') || name.trim().chars().next().is_some_and(char::is_lowercase))
}
