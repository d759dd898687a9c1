//! Formats by their name and options.

use arrow::datatypes::SchemaRef;

use crate::decoder::Decoder;
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::json::JsonOptions;
use crate::options::{Chosen, FORMATS, Options, suggest};

/// A format with its options, checked: it makes decoders and encoders.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Format {
    /// `json`
    Json(JsonOptions),
}

impl Format {
    /// The format that `'format'` names, with the options of that name. Options of others are not looked at.
    pub fn from_options(options: &Options) -> Result<Self> {
        let name = options.get("format").ok_or(Error::MissingOption {
            format: "…",
            option: "format".into(),
            what: "what the records are: json, csv, avro, …",
        })?;
        Self::named(name, options)
    }

    /// The format of this name, with the options of that name.
    pub fn named(name: &str, options: &Options) -> Result<Self> {
        let spec = FORMATS.iter().find(|spec| spec.name == name).ok_or_else(|| {
            let known: Vec<&str> = FORMATS.iter().map(|spec| spec.name).collect();
            let hint = suggest(name, known.iter().copied(), str::to_owned);
            Error::UnknownFormat { name: name.to_owned(), hint, known: known.join(", ") }
        })?;
        let chosen = Chosen::new(spec, options)?;
        Ok(match spec.name {
            _ => Format::Json(JsonOptions::new(&chosen)?),
        })
    }

    /// A decoder into these columns.
    pub fn decoder(&self, schema: SchemaRef) -> Result<Box<dyn Decoder>> {
        match self {
            Format::Json(options) => options.decoder(schema),
        }
    }

    /// An encoder of these columns.
    pub fn encoder(&self, schema: SchemaRef) -> Result<Box<dyn Encoder>> {
        match self {
            Format::Json(options) => options.encoder(schema),
        }
    }
}
