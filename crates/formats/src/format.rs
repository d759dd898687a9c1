//! Formats by their name and options.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use crate::avro::AvroOptions;
use crate::change::{ChangeOptions, Dialect};
use crate::csv::CsvOptions;
use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::framing::Framing;
use crate::json::JsonOptions;
use crate::log::LogOptions;
use crate::options::{Chosen, FORMATS, Options, suggest};
use crate::protobuf::ProtobufOptions;
use crate::raw::RawOptions;
use crate::registry::SchemaLookup;

/// A format with its options, checked: it makes decoders and encoders.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Format {
    /// `json`
    Json(JsonOptions),
    /// `csv`
    Csv(CsvOptions),
    /// `avro`
    Avro(AvroOptions),
    /// `protobuf`
    Protobuf(ProtobufOptions),
    /// `raw`
    Raw(RawOptions),
    /// `regex`, `w3c`, `syslog`, `fixed-columns`, `variable-columns`
    Log(LogOptions),
    /// `debezium-json`, `dms-json`
    Change(ChangeOptions),
}

impl Format {
    /// The format that `'format'` names, with the options of that name. Options of others are not looked at.
    pub fn from_options(options: &Options) -> Result<Self> {
        let name = options.get("format").ok_or_else(|| Error::NoFormat { known: known() })?;
        Self::named(name, options)
    }

    /// The format of this name, with the options of that name.
    pub fn named(name: &str, options: &Options) -> Result<Self> {
        let unknown = || {
            let hint = suggest(name, FORMATS.iter().map(|spec| spec.name), str::to_owned);
            Error::UnknownFormat { name: name.to_owned(), hint, known: known() }
        };
        let spec = FORMATS.iter().find(|spec| spec.name == name).ok_or_else(unknown)?;
        let chosen = Chosen::new(spec, options)?;
        Ok(match spec.name {
            "json" => Format::Json(JsonOptions::new(&chosen)?),
            "csv" => Format::Csv(CsvOptions::new(&chosen)?),
            "avro" => Format::Avro(AvroOptions::new(&chosen)?),
            "protobuf" => Format::Protobuf(ProtobufOptions::new(&chosen)?),
            "raw" => Format::Raw(RawOptions::new(&chosen)?),
            log @ ("regex" | "w3c" | "syslog" | "fixed-columns" | "variable-columns") => {
                Format::Log(LogOptions::new(log, &chosen)?)
            }
            "debezium-json" => Format::Change(ChangeOptions::new(Dialect::Debezium, &chosen)?),
            "dms-json" => Format::Change(ChangeOptions::new(Dialect::Dms, &chosen)?),
            _ => return Err(unknown()),
        })
    }

    /// A decoder into these columns.
    pub fn decoder(&self, schema: SchemaRef) -> Result<Box<dyn Decoder>> {
        self.make_decoder(schema, None)
    }

    /// An encoder of these columns.
    pub fn encoder(&self, schema: SchemaRef) -> Result<Box<dyn Encoder>> {
        self.make_encoder(schema, None)
    }

    /// A decoder that finds the schemas which records name in a registry.
    pub fn decoder_with(&self, schema: SchemaRef, lookup: Arc<dyn SchemaLookup>) -> Result<Box<dyn Decoder>> {
        self.make_decoder(schema, Some(lookup))
    }

    /// An encoder that names its schema by its number in a registry.
    pub fn encoder_with(&self, schema: SchemaRef, lookup: Arc<dyn SchemaLookup>) -> Result<Box<dyn Encoder>> {
        self.make_encoder(schema, Some(lookup))
    }

    fn make_decoder(&self, schema: SchemaRef, lookup: Option<Arc<dyn SchemaLookup>>) -> Result<Box<dyn Decoder>> {
        match self {
            Format::Json(options) => options.decoder(schema, lookup),
            Format::Csv(options) => options.decoder(schema),
            Format::Avro(options) => options.decoder(schema, lookup),
            Format::Protobuf(options) => options.decoder(schema, lookup),
            Format::Raw(options) => options.decoder(schema),
            Format::Change(options) => options.decoder(schema),
            Format::Log(options) => options.decoder(schema),
        }
    }

    fn make_encoder(&self, schema: SchemaRef, lookup: Option<Arc<dyn SchemaLookup>>) -> Result<Box<dyn Encoder>> {
        match self {
            Format::Json(options) => options.encoder(schema, lookup),
            Format::Csv(options) => options.encoder(schema),
            Format::Avro(options) => options.encoder(schema, lookup),
            Format::Protobuf(options) => options.encoder(schema, lookup),
            Format::Raw(options) => options.encoder(schema),
            Format::Change(options) => options.encoder(schema),
            Format::Log(options) => {
                Err(Error::OneWay { format: options.name(), verb: "write", hint: "write `json` or `csv`" })
            }
        }
    }

    /// How records lie one after the other in a file.
    pub fn framing(&self) -> Framing {
        match self {
            Format::Json(_) | Format::Log(_) | Format::Change(_) => Framing::LINES,
            Format::Csv(options) => options.framing(),
            Format::Avro(_) | Format::Protobuf(_) | Format::Raw(_) => Framing::Outside,
        }
    }

    /// The columns that the records have by themselves, where the format's options say them.
    pub fn own_schema(&self) -> Option<SchemaRef> {
        match self {
            Format::Log(options) => Some(SchemaRef::clone(options.schema())),
            Format::Avro(options) => options.own_schema(),
            _ => None,
        }
    }
}

fn known() -> String {
    FORMATS.iter().map(|spec| spec.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_the_catalog_is_made() {
        // Those that can't do without an option say so, by its name.
        for spec in FORMATS {
            match Format::named(spec.name, &Options::new()) {
                Ok(_) => {}
                Err(Error::MissingOption { format, .. }) => assert_eq!(format, spec.name),
                Err(other) => panic!("{}: {other}", spec.name),
            }
        }
    }

    #[test]
    fn a_table_must_say_its_format() {
        let error = Format::from_options(&Options::new().with("connector", "stream")).unwrap_err();
        assert!(error.to_string().contains("the formats are json, csv, avro"), "{error}");
    }
}
