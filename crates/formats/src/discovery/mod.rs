//! Schema discovery: from sample records to columns, as Kinesis Data Analytics proposed them.
//!
//! JSON is flattened to two levels; the first array of objects becomes rows, what lies deeper is taken as text. CSV
//! is told by its delimiter, with a header where the first line looks like one (which stays data, as there). Integers
//! become INTEGER, or BIGINT where they need it; text becomes TIMESTAMP where each sample is one that milliseconds
//! hold, else VARCHAR of the next power of two.

mod csv;
mod json;
mod names;
mod observed;

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

pub use names::column_name;

use crate::column::LENGTH_MAX_KEY;
use crate::error::{Error, Result};
use crate::options::Options;
use observed::Observed;

/// Columns of a schema, as of Kinesis Data Analytics.
const COLUMNS_MAX: usize = 1_000;

/// A proposed schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// `json` or `csv`.
    pub format: &'static str,
    /// The columns, in the order in which they were met.
    pub columns: Vec<DiscoveredColumn>,
    /// Of CSV: what lies between fields.
    pub column_delimiter: Option<char>,
    /// Of CSV: what lies between rows.
    pub row_delimiter: Option<&'static str>,
    /// Of CSV: the first line holds names. It is data nevertheless, unless `csv.header` is said.
    pub header: bool,
}

/// A proposed column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveredColumn {
    /// Its name, after the rules of [`column_name`].
    pub name: String,
    /// Of JSON: its path, `$.data.orderId`.
    pub mapping: Option<String>,
    /// Its type as SQL has it, `VARCHAR(16)`.
    pub sql_type: String,
    /// Its type.
    pub data_type: DataType,
    /// Of text: its longest length.
    pub length_max: Option<usize>,
}

impl Discovery {
    /// The columns as a decoder takes them.
    pub fn schema(&self) -> SchemaRef {
        let field = |column: &DiscoveredColumn| {
            let length = column.length_max.map(|length| (LENGTH_MAX_KEY.to_owned(), length.to_string()));
            Field::new(&column.name, column.data_type.clone(), true).with_metadata(HashMap::from_iter(length))
        };
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    /// The options with which the format reads such records.
    pub fn options(&self) -> Options {
        let mut options =
            Options::new().with("format", self.format).with(format!("{}.coercion", self.format), "kinesis");
        for column in &self.columns {
            if let Some(mapping) = &column.mapping {
                options = options.with(format!("json.path.{}", column.name), mapping);
            }
        }
        match self.column_delimiter {
            Some('\t') => options.with("csv.field-delimiter", "\\t"),
            Some(delimiter) => options.with("csv.field-delimiter", delimiter),
            None => options,
        }
    }
}

/// Proposes a schema for records of which these are samples.
pub fn discover(samples: &[&[u8]]) -> Result<Discovery> {
    let failed = |reason: &str| Error::NoSchemaFound { records: samples.len(), reason: reason.to_owned() };
    let blank = |sample: &&[u8]| sample.iter().all(u8::is_ascii_whitespace);
    if samples.iter().all(blank) {
        return Err(failed("there is nothing in them"));
    }
    let texts: Vec<&str> =
        samples.iter().filter(|sample| !blank(sample)).filter_map(|s| std::str::from_utf8(s).ok()).collect();
    let first = texts.first().ok_or_else(|| failed("none of them is UTF-8 text"))?;
    let discovery = match first.trim_start().starts_with(['{', '[']) {
        true => json::discover(&texts).ok_or_else(|| failed("none of them is a JSON object"))?,
        false => csv::discover(&texts).ok_or_else(|| failed("they are neither JSON nor delimited lines"))?,
    };
    match discovery.columns.len() {
        0 => Err(failed("they have no columns")),
        count if count > COLUMNS_MAX => Err(failed(&format!("{count} columns are more than {COLUMNS_MAX}"))),
        _ => Ok(discovery),
    }
}

/// Columns of what was observed, with names of their own.
fn columns(observed: impl IntoIterator<Item = (String, Option<String>, Observed)>) -> Vec<DiscoveredColumn> {
    let mut columns: Vec<DiscoveredColumn> = Vec::new();
    for (place, (name, mapping, observed)) in observed.into_iter().enumerate() {
        let base = column_name(&name, place + 1);
        let taken = |name: &str| columns.iter().any(|column| column.name == name);
        let free = (2..).map(|nth| format!("{base}_{nth}")).find(|name| !taken(name));
        let name = if taken(&base) { free.unwrap_or_default() } else { base };
        let (data_type, sql_type, length_max) = observed.column_type();
        columns.push(DiscoveredColumn { name, mapping, sql_type, data_type, length_max });
    }
    columns
}

#[cfg(test)]
mod tests;
