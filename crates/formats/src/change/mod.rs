//! Change records: what a capture of a database says of each row, as JSON.

mod debezium;
mod dms;
mod encoder;
mod reader;

use arrow::datatypes::SchemaRef;
use regex::Regex;

use crate::column::Column;
use crate::decoder::{BatchDecoder, Decoder, OnFault, Rows};
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::json::{Mapping, ValueRules, WriteRules, check_maps, common_rules};
use crate::options::{Chosen, suggest};

/// Whose records they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Debezium: `{"before": …, "after": …, "op": "u"}`
    Debezium,
    /// AWS Database Migration Service: `{"data": …, "metadata": …}`
    Dms,
}

impl Dialect {
    fn name(self) -> &'static str {
        match self {
            Dialect::Debezium => "debezium-json",
            Dialect::Dms => "dms-json",
        }
    }
}

/// The options of change records, checked.
#[derive(Clone, Debug)]
pub struct ChangeOptions {
    dialect: Dialect,
    rules: ValueRules,
    write: WriteRules,
    /// Columns that hold what is said about the change, with its key.
    metadata: Vec<(String, String)>,
    filter: Filter,
}

/// What of the records is taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Records must be wrapped with their schema.
    envelope_required: bool,
    schema: Option<Regex>,
    table: Option<Regex>,
}

impl ChangeOptions {
    /// Whether every update says what its row was before.
    pub fn has_before(&self) -> bool {
        self.dialect == Dialect::Debezium
    }

    pub(crate) fn new(dialect: Dialect, chosen: &Chosen<'_>) -> Result<Self> {
        let (rules, write) = common_rules(chosen)?;
        let metadata = chosen.family("metadata.");
        let metadata = metadata.into_iter().map(|(column, key)| (column.to_owned(), key.to_owned())).collect();
        let filter = match dialect {
            Dialect::Debezium => Filter { envelope_required: chosen.flag("schema-include")?, ..Filter::default() },
            Dialect::Dms => Filter {
                schema: pattern(chosen, "schema.include")?,
                table: pattern(chosen, "table.include")?,
                ..Filter::default()
            },
        };
        let options = ChangeOptions { dialect, rules, write, metadata, filter };
        for (column, key) in &options.metadata {
            if dialect == Dialect::Debezium && debezium::metadata_path(key).is_none() {
                let known = debezium::METADATA.iter().map(|(key, _)| *key);
                let hint = suggest(key, known.clone(), str::to_owned);
                let rule = format!("say one of {}{hint}", known.collect::<Vec<_>>().join(", "));
                return Err(chosen.invalid(&format!("metadata.{column}"), key, rule));
            }
        }
        Ok(options)
    }

    /// A decoder into these columns; its rows have kinds.
    pub fn decoder(&self, schema: SchemaRef) -> Result<Box<dyn Decoder>> {
        let format = self.dialect.name();
        let rows = Rows::new(&schema, format)?;
        for (column, field) in rows.columns.iter().zip(schema.fields()) {
            check_maps(column, field, format)?;
        }
        for (column, key) in &self.metadata {
            if schema.column_with_name(column).is_none() {
                let hint = suggest(column, schema.fields().iter().map(|field| field.name().as_str()), str::to_owned);
                let rule = format!("there is no column `{column}`{hint}");
                return Err(Error::invalid_option(format!("{format}.metadata.{column}"), key, rule));
            }
        }
        let (before, after) = match self.dialect {
            Dialect::Debezium => ("before", "after"),
            Dialect::Dms => ("before-image", "data"),
        };
        let data_columns: Vec<&str> =
            rows.columns.iter().map(Column::name).filter(|name| self.key(name).is_none()).collect();
        let reader = reader::ChangeReader::new(
            self.dialect,
            [self.mapping(&schema, before)?, self.mapping(&schema, after)?],
            &data_columns,
            self.millisecond_columns(&schema),
            (&rows.columns, self.rules),
            self.filter.clone(),
        );
        let on_fault = if self.rules.ignore_faults { OnFault::Ignore } else { OnFault::Reject };
        Ok(Box::new(BatchDecoder::new(schema, format, reader, on_fault)?.with_changes()))
    }

    /// An encoder of these columns; it writes rows of all kinds.
    pub fn encoder(&self, schema: SchemaRef) -> Result<Box<dyn Encoder>> {
        if self.dialect == Dialect::Debezium && !self.metadata.is_empty() {
            return Err(Error::OneWay {
                format: "debezium-json",
                verb: "write metadata",
                hint: "leave `debezium-json.metadata.…` out of the sink",
            });
        }
        let metadata = |name: &str| self.key(name).map(str::to_owned);
        Ok(Box::new(encoder::ChangeEncoder::new(self.dialect, schema, self.write, metadata)?))
    }

    fn key(&self, column: &str) -> Option<&str> {
        self.metadata.iter().find(|(name, _)| name == column).map(|(_, key)| key.as_str())
    }

    /// Columns from one of the images, and the metadata.
    fn mapping(&self, schema: &SchemaRef, image: &str) -> Result<Mapping> {
        let path = |name: &String| match (self.key(name), self.dialect) {
            (None, _) => format!("$['{image}']['{name}']"),
            (Some(key), Dialect::Debezium) => debezium::metadata_path(key).unwrap_or("$").to_owned(),
            (Some(key), Dialect::Dms) => format!("$.metadata['{key}']"),
        };
        let paths: Vec<String> = schema.fields().iter().map(|field| path(field.name())).collect();
        Mapping::by_paths("$", &paths)
    }

    /// Columns whose timestamps Debezium says as milliseconds.
    fn millisecond_columns(&self, schema: &SchemaRef) -> Vec<usize> {
        let of_time = |name: &str| self.key(name).is_some_and(|key| key.ends_with("timestamp"));
        let columns = schema.fields().iter().enumerate();
        columns
            .filter(|(_, field)| self.dialect == Dialect::Debezium && of_time(field.name()))
            .map(|(at, _)| at)
            .collect()
    }
}

/// A regular expression that names must match as a whole.
fn pattern(chosen: &Chosen<'_>, short: &'static str) -> Result<Option<Regex>> {
    let text = chosen.text(short);
    if text.is_empty() {
        return Ok(None);
    }
    Regex::new(&format!("^(?:{text})$")).map(Some).map_err(|error| chosen.invalid(short, text, error.to_string()))
}

#[cfg(test)]
mod tests;
