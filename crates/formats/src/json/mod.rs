//! JSON: an object a row.

mod encoder;
mod keys;
mod mapping;
mod path;
mod reader;
mod scanner;
mod schema;
mod value;

use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};
use tidemill_schemas::DataFormat;

pub(crate) use encoder::{JsonEncoder, WriteRules, write_temporal};
pub(crate) use keys::Keys;
pub(crate) use mapping::Mapping;
pub(crate) use reader::{DocumentReader, utf8};
pub use scanner::{Members, Number as JsonNumber, Scanner};
pub(crate) use value::ValueRules;
#[cfg(test)]
pub(crate) use value::{Shape, ValueReader};

use reader::JsonReader;

use crate::column::{Column, Kind, TextRules, Unit, Values};
use crate::decoder::{BatchDecoder, Decoder, OnFault, Rows};
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::options::{Chosen, suggest};
use crate::registry::{
    COMPRESSIONS, Compression, Headed, HeadedEncoder, RecordHeader, SchemaLookup, WireHeader, no_registry, registered,
};
use crate::time::TimestampStyle;

pub(crate) const FORMAT: &str = "json";

/// The options of JSON, checked.
#[derive(Clone, Debug, Default)]
pub struct JsonOptions {
    rules: ValueRules,
    write: WriteRules,
    row_path: Option<String>,
    paths: Vec<(String, String)>,
    header: WireHeader,
    compression: Compression,
    validates: bool,
}

const HEADERS: &[(&str, WireHeader)] =
    &[("none", WireHeader::None), ("confluent", WireHeader::Confluent), ("glue", WireHeader::Glue)];

/// What is said about timestamps; other formats that write them take it too.
pub(crate) const TIMESTAMP_STYLES: &[(&str, TimestampStyle)] = &[
    ("SQL", TimestampStyle::Sql),
    ("ISO-8601", TimestampStyle::Iso),
    ("EPOCH-SECONDS", TimestampStyle::Epoch(Unit::Second)),
    ("EPOCH-MILLIS", TimestampStyle::Epoch(Unit::Milli)),
    ("EPOCH-MICROS", TimestampStyle::Epoch(Unit::Micro)),
    ("EPOCH-NANOS", TimestampStyle::Epoch(Unit::Nano)),
];

/// The coercions by name.
pub(crate) const COERCIONS: &[(&str, TextRules)] =
    &[("standard", TextRules::Standard), ("kinesis", TextRules::Kinesis)];

/// What the formats written in JSON have in common.
pub(crate) fn common_rules(chosen: &Chosen<'_>) -> Result<(ValueRules, WriteRules)> {
    let timestamps = chosen.one_of("timestamp-format.standard", TIMESTAMP_STYLES)?;
    chosen.flag("encode.decimal-as-plain-number")?; // decimals always are: nothing to choose
    let rules = ValueRules { ignore_faults: chosen.flag("ignore-parse-errors")?, timestamps, ..ValueRules::default() };
    let write = WriteRules { timestamps, ignore_null_fields: chosen.flag("encode.ignore-null-fields")? };
    chosen.one_of("map-null-key.mode", &[("FAIL", ()), ("DROP", ()), ("LITERAL", ())])?; // no map of Arrow has such
    Ok((rules, write))
}

impl JsonOptions {
    pub(crate) fn new(chosen: &Chosen<'_>) -> Result<Self> {
        let (mut rules, write) = common_rules(chosen)?;
        rules.fail_on_missing = chosen.flag("fail-on-missing-field")?;
        if rules.fail_on_missing && rules.ignore_faults {
            let rule = "it can't be true together with `json.ignore-parse-errors`";
            return Err(chosen.invalid("fail-on-missing-field", "true", rule));
        }
        rules.text = chosen.one_of("coercion", COERCIONS)?;
        let row_path = chosen.given("row-path").map(str::to_owned);
        let paths = chosen.family("path.").into_iter().map(|(c, path)| (c.to_owned(), path.to_owned())).collect();
        let header = chosen.one_of("header", HEADERS)?;
        let compression = chosen.one_of("compression", COMPRESSIONS)?;
        let validates = chosen.flag("validate")?;
        if validates && header == WireHeader::None {
            return Err(chosen.invalid(
                "validate",
                "true",
                "records must name their schemas: say `json.header` or `schema.registry`",
            ));
        }
        Ok(JsonOptions { rules, write, row_path, paths, header, compression, validates })
    }

    fn mapping(&self, schema: &SchemaRef) -> Result<Mapping> {
        let names = || schema.fields().iter().map(|field| field.name().as_str());
        if self.row_path.is_none() && self.paths.is_empty() {
            return Ok(Mapping::by_name(names()));
        }
        for (column, path) in &self.paths {
            if !names().any(|name| name == column) {
                let hint = suggest(column, names(), str::to_owned);
                let rule = format!("there is no column `{column}`{hint}");
                return Err(Error::invalid_option(format!("json.path.{column}"), path, rule));
            }
        }
        let path_of = |name: &str| {
            let given = self.paths.iter().find(|(column, _)| column == name).map(|(_, path)| path.clone());
            given.unwrap_or_else(|| format!("$['{name}']"))
        };
        let paths: Vec<String> = names().map(path_of).collect();
        Mapping::by_paths(self.row_path.as_deref().unwrap_or("$"), &paths)
    }

    /// A decoder into these columns. `lookup` finds the schemas that records name in their header.
    pub fn decoder(&self, schema: SchemaRef, lookup: Option<Arc<dyn SchemaLookup>>) -> Result<Box<dyn Decoder>> {
        let rows = Rows::new(&schema, FORMAT)?;
        for (column, field) in rows.columns.iter().zip(schema.fields()) {
            check_maps(column, field, FORMAT)?;
        }
        let reader = JsonReader::new(self.mapping(&schema)?, &rows.columns, self.rules);
        let on_fault = if self.rules.ignore_faults { OnFault::Ignore } else { OnFault::Reject };
        if self.header == WireHeader::None {
            return Ok(Box::new(BatchDecoder::new(schema, FORMAT, reader, on_fault)?));
        }
        let lookup = lookup.ok_or_else(|| no_registry(FORMAT))?;
        let reader = Headed::new(self.header, lookup, self.validates, reader);
        Ok(Box::new(BatchDecoder::new(schema, FORMAT, reader, on_fault)?))
    }

    /// An encoder of these columns. `lookup` says the number of their schema, which goes into the header.
    pub fn encoder(&self, schema: SchemaRef, lookup: Option<Arc<dyn SchemaLookup>>) -> Result<Box<dyn Encoder>> {
        if self.row_path.is_some() || !self.paths.is_empty() {
            return Err(Error::OneWay {
                format: FORMAT,
                verb: "write rows by `json.path.…` or `json.row-path`",
                hint: "leave those options out of the sink: each column is written under its name",
            });
        }
        let encoder = JsonEncoder::new(SchemaRef::clone(&schema), FORMAT, self.write)?;
        if self.header == WireHeader::None {
            return Ok(Box::new(encoder));
        }
        let lookup = lookup.ok_or_else(|| no_registry(FORMAT))?;
        let text = schema::schema_of(&schema, self.write)?.to_string();
        let id = registered(&*lookup, DataFormat::Json, &text, schema::TITLE)?;
        Ok(Box::new(HeadedEncoder::new(RecordHeader::new(Some(id), self.compression), encoder)))
    }
}

/// JSON's keys are text: no other map fits.
pub(crate) fn check_maps(column: &Column, field: &Field, format: &'static str) -> Result<()> {
    match &column.values {
        Values::Map { key, .. } if key.kind() != Kind::Text => Err(Error::UnsupportedType {
            format,
            column: field.name().clone(),
            data_type: field.data_type().to_string(),
            hint: "a JSON object's keys are text: declare MAP<STRING, …>",
        }),
        Values::Map { value, .. } => check_maps(value, field, format),
        Values::List { item, .. } => check_maps(item, field, format),
        Values::Struct(fields) => fields.iter().try_for_each(|column| check_maps(column, field, format)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
