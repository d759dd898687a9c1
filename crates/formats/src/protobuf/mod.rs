//! Protobuf: messages of proto2 and proto3, read straight into columns.

mod columns;
mod compile;
mod json;
mod message_name;
mod reader;
mod scalar;
mod wire;
mod writer;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use prost_reflect::MessageDescriptor;
use tidemill_schemas::{DataFormat, Definition, Invalid, ProtobufSchema};

use crate::decoder::{BatchDecoder, Decoder, OnFault};
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::options::Chosen;
use crate::registry::{
    COMPRESSIONS, Compression, RecordHeader, SchemaId, SchemaLookup, WireHeader, no_registry, registered,
    write_message_index, write_message_path,
};

use compile::Rules;
pub(crate) use json::to_json;
use message_name::MessageName;
use scalar::TIMESTAMP;

pub(crate) const FORMAT: &str = "protobuf";

const HEADERS: &[(&str, WireHeader)] =
    &[("none", WireHeader::None), ("confluent", WireHeader::Confluent), ("glue", WireHeader::Glue)];

/// The options of Protobuf, checked.
#[derive(Clone, Debug)]
pub struct ProtobufOptions {
    header: WireHeader,
    compression: Compression,
    /// The file that is given, and the message of it.
    schema: Option<(File, MessageDescriptor)>,
    /// The message's name, where it is given.
    message: Option<MessageName>,
    rules: Rules,
    on_fault: OnFault,
}

/// A Protobuf file.
#[derive(Clone, Debug)]
struct File {
    text: Arc<str>,
    schema: ProtobufSchema,
}

impl ProtobufOptions {
    pub(crate) fn new(chosen: &Chosen<'_>) -> Result<Self> {
        let (option, message) = match (chosen.given("message"), chosen.given("message-class-name")) {
            (Some(_), Some(class)) => {
                return Err(chosen.invalid(
                    "message-class-name",
                    class,
                    "leave it out where `protobuf.message` is given",
                ));
            }
            (None, Some(class)) => ("message-class-name", Some(MessageName::JavaClass(class.to_owned()))),
            (name, None) => ("message", name.map(|name| MessageName::Proto(name.to_owned()))),
        };
        let schema = chosen.given("schema").map(|text| -> Result<_> {
            let file = File::parse(text)?;
            let of_file = match &message {
                Some(name) => name.find(file.schema.messages_by_name()).ok_or_else(|| {
                    let known: Vec<String> =
                        file.schema.messages_by_name().iter().map(|message| message.full_name().to_owned()).collect();
                    chosen.invalid(option, name.text(), format!("the schema has {}", known.join(", ")))
                })?,
                None => file.schema.file().messages().next().ok_or_else(|| Error::InvalidSchema {
                    place: "schema.proto".into(),
                    reason: "it declares no message".into(),
                })?,
            };
            Ok((file, of_file))
        });
        let schema = schema.transpose()?;
        Ok(ProtobufOptions {
            header: chosen.one_of("header", HEADERS)?,
            compression: chosen.one_of("compression", COMPRESSIONS)?,
            message,
            schema,
            rules: Rules { read_defaults: chosen.flag("read-default-values")? },
            on_fault: if chosen.flag("ignore-parse-errors")? { OnFault::Ignore } else { OnFault::Reject },
        })
    }

    /// Whether a schema is given: fields have their numbers, whichever columns there are.
    pub fn has_schema(&self) -> bool {
        self.schema.is_some()
    }

    /// A decoder into these columns. `lookup` finds the schemas that records name in their header.
    pub fn decoder(&self, columns: SchemaRef, lookup: Option<Arc<dyn SchemaLookup>>) -> Result<Box<dyn Decoder>> {
        if self.header != WireHeader::None && lookup.is_none() {
            return Err(no_registry(FORMAT));
        }
        let (_, own) = self.schema_for(&columns)?;
        let reader = self.schema.as_ref().map(|(_, message)| message.clone());
        let reader =
            reader::ProtobufReader::new(self.header, &own, reader, self.message.clone(), self.rules, &columns, lookup)?;
        Ok(Box::new(BatchDecoder::new(columns, FORMAT, reader, self.on_fault)?))
    }

    /// An encoder of these columns. `lookup` says the number of the schema that goes into the header.
    pub fn encoder(&self, columns: SchemaRef, lookup: Option<Arc<dyn SchemaLookup>>) -> Result<Box<dyn Encoder>> {
        let (file, message) = self.schema_for(&columns)?;
        let mut index = Vec::new();
        let id = match self.header {
            WireHeader::None | WireHeader::SingleObject => None,
            WireHeader::Confluent | WireHeader::Glue => {
                let lookup = lookup.ok_or_else(|| no_registry(FORMAT))?;
                Some(registered(&*lookup, DataFormat::Protobuf, &file.text, message.full_name())?)
            }
        };
        match id {
            Some(SchemaId::Glue(_)) => {
                let messages = file.schema.messages_by_name();
                let place = messages.iter().position(|of_file| of_file.full_name() == message.full_name());
                write_message_index(place.unwrap_or(0), &mut index);
            }
            Some(_) => write_message_path(&file.schema.path_of(&message), &mut index),
            None => {}
        }
        let header = RecordHeader::new(id, self.compression);
        Ok(Box::new(writer::ProtobufEncoder::new(&message, columns, header, index)?))
    }

    /// What records are written with: what is given, or what the columns come to.
    fn schema_for(&self, columns: &SchemaRef) -> Result<(File, MessageDescriptor)> {
        if let Some(given) = &self.schema {
            return Ok(given.clone());
        }
        let file = File::parse(&columns::schema_of(columns)?)?;
        let message = file.schema.file().messages().next();
        let lost = || Error::InvalidSchema { place: "schema.proto".into(), reason: "it declares no message".into() };
        Ok((file.clone(), message.ok_or_else(lost)?))
    }
}

impl File {
    fn parse(text: &str) -> Result<File> {
        let invalid = |Invalid { place, reason }| Error::InvalidSchema { place, reason };
        let definition = Definition::parse(DataFormat::Protobuf, text, &[]).map_err(invalid)?;
        let schema = definition.protobuf().cloned();
        let lost = || Error::InvalidSchema { place: "schema.proto".into(), reason: "it is no Protobuf file".into() };
        Ok(File { text: text.into(), schema: schema.ok_or_else(lost)? })
    }
}

#[cfg(test)]
mod tests;
