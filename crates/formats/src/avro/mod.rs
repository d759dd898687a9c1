//! Avro: binary records under a schema, which may differ from the one they were written with.

mod arrow;
mod compile;
mod cursor;
mod default;
mod json;
mod reader;
mod writer;

use std::sync::Arc;

use ::arrow::datatypes::SchemaRef;

pub(crate) use json::to_json;
pub use tidemill_schemas::AvroSchema;
use tidemill_schemas::DataFormat;
use tidemill_schemas::avro::{Invalid, Node};

use crate::decoder::{BatchDecoder, Decoder, OnFault};
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::options::Chosen;
use crate::registry::{
    COMPRESSIONS, Compression, HEADERS, RecordHeader, SchemaId, SchemaLookup, WireHeader, no_registry, registered,
};

pub(crate) const FORMAT: &str = "avro";

/// The options of Avro, checked.
#[derive(Clone, Debug)]
pub struct AvroOptions {
    header: WireHeader,
    compression: Compression,
    /// What records are written with.
    writer: Option<Arc<AvroSchema>>,
    /// What they are read as: defaults and aliases.
    reader: Option<Arc<AvroSchema>>,
    legacy_timestamps: bool,
    on_fault: OnFault,
}

impl AvroOptions {
    pub(crate) fn new(chosen: &Chosen<'_>) -> Result<Self> {
        chosen.one_of("encoding", &[("binary", ())])?;
        let schema = |short: &'static str| -> Result<Option<Arc<AvroSchema>>> {
            chosen.given(short).map(|text| record_schema(text).map(Arc::new)).transpose()
        };
        Ok(AvroOptions {
            header: chosen.one_of("header", HEADERS)?,
            compression: chosen.one_of("compression", COMPRESSIONS)?,
            writer: schema("schema")?,
            reader: schema("reader-schema")?,
            legacy_timestamps: chosen.flag("timestamp_mapping.legacy")?,
            on_fault: if chosen.flag("ignore-parse-errors")? { OnFault::Ignore } else { OnFault::Reject },
        })
    }

    /// The columns that `avro.reader-schema`, or else `avro.schema`, says.
    pub fn own_schema(&self) -> Option<SchemaRef> {
        let schema = self.reader.as_ref().or(self.writer.as_ref())?;
        arrow::columns(schema, self.legacy_timestamps).ok()
    }

    /// A decoder into these columns. `lookup` finds the schemas that records name in their header.
    pub fn decoder(&self, columns: SchemaRef, lookup: Option<Arc<dyn SchemaLookup>>) -> Result<Box<dyn Decoder>> {
        if matches!(self.header, WireHeader::Confluent | WireHeader::Glue) && lookup.is_none() {
            return Err(no_registry(FORMAT));
        }
        let writer = self.schema_for(&columns)?;
        let reader = reader::AvroReader::new(self.header, &writer, self.reader.clone(), &columns, lookup)?;
        Ok(Box::new(BatchDecoder::new(columns, FORMAT, reader, self.on_fault)?))
    }

    /// An encoder of these columns. `lookup` says the number of the schema that goes into the header.
    pub fn encoder(&self, columns: SchemaRef, lookup: Option<Arc<dyn SchemaLookup>>) -> Result<Box<dyn Encoder>> {
        let schema = self.schema_for(&columns)?;
        let id = match self.header {
            WireHeader::None => None,
            WireHeader::SingleObject => Some(SchemaId::Fingerprint(schema.fingerprint())),
            WireHeader::Confluent | WireHeader::Glue => {
                let lookup = lookup.ok_or_else(|| no_registry(FORMAT))?;
                Some(registered(&*lookup, DataFormat::Avro, &schema.to_string(), schema.name())?)
            }
        };
        let header = RecordHeader::new(id, self.compression);
        Ok(Box::new(writer::AvroEncoder::new(&schema, columns, header)?))
    }

    /// What records are written with: what is given, or what the columns come to.
    fn schema_for(&self, columns: &SchemaRef) -> Result<Arc<AvroSchema>> {
        match &self.writer {
            Some(schema) => Ok(Arc::clone(schema)),
            None => Ok(Arc::new(arrow::schema_of(columns, self.legacy_timestamps)?)),
        }
    }
}

/// A schema whose outermost type is a record: its fields become columns.
pub(super) fn record_schema(text: &str) -> Result<AvroSchema> {
    let schema = checked(AvroSchema::parse(text))?;
    check_record(&schema)?;
    Ok(schema)
}

fn check_record(schema: &AvroSchema) -> Result<()> {
    match schema.node(schema.root()) {
        Node::Record { .. } => Ok(()),
        _ => Err(invalid("$", "the outermost type must be a record, whose fields become columns")),
    }
}

fn checked(schema: std::result::Result<AvroSchema, Invalid>) -> Result<AvroSchema> {
    schema.map_err(|Invalid { place, reason }| Error::InvalidSchema { place, reason })
}

fn invalid(place: &str, reason: &str) -> Error {
    Error::InvalidSchema { place: place.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
