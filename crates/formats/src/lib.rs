//! Bytes to Arrow and back: what the records of streams, files and calls hold.
//!
//! ```
//! use std::sync::Arc;
//! use arrow::datatypes::{DataType, Field, Schema};
//! use tidemill_formats::{Format, Options, Records};
//!
//! # fn main() -> tidemill_formats::Result<()> {
//! let schema = Arc::new(Schema::new(vec![
//!     Field::new("ticker", DataType::Utf8, true),
//!     Field::new("price", DataType::Float64, true),
//! ]));
//! let format = Format::from_options(&Options::new().with("format", "json"))?;
//!
//! let mut decoder = format.decoder(schema.clone())?;
//! let decoded = decoder.decode(&[br#"{"ticker":"AMZN","price":3.5}"#, br#"{"price":"much"}"#])?;
//! assert_eq!(decoded.rows.num_rows(), 1);
//! assert_eq!(decoded.rejected[0].reason, "$.price: expected a number, found `much`");
//!
//! let mut records = Records::new();
//! format.encoder(schema)?.encode(&decoded.rows, None, &mut records)?;
//! assert_eq!(records.get(0), Some(&br#"{"ticker":"AMZN","price":3.5}"#[..]));
//! # Ok(())
//! # }
//! ```
//!
//! - [`Format`] is made from the options of SQL's `WITH` and makes decoders and encoders.
//! - [`Decoder`]: many records in, one batch out, with what could not be read, and why.
//! - [`Encoder`]: a batch in, records out.
//! - [`Framing`] says where records end in bytes that run on.
//! - [`discover`] proposes a schema from sample records.
//! - [`Scanner`] reads JSON for those who know its fields when they are compiled.
//! - [`SchemaLookup`] is where a registry of schemas comes in; [`split_header`] and [`split_message_path`] read what its
//!   serializers put before a record.
//! - [`legible`] tells a record as JSON by the schema that it names, for people.
//! - [`deaggregate`] and [`Aggregator`] unpack and pack what the Kinesis Producer Library aggregates.
//!
//! No I/O happens here, no input panics, and a record is read whole or not at all.

mod aggregation;
mod avro;
mod change;
mod column;
mod csv;
mod decimal;
mod decoder;
mod discovery;
mod encoder;
mod error;
mod fault;
mod format;
mod framing;
#[cfg(test)]
mod fuzz;
mod json;
mod legible;
mod log;
mod options;
mod protobuf;
mod raw;
mod registry;
mod row_kind;
#[cfg(test)]
mod testing;
mod time;
mod varint;
mod view;

pub use aggregation::{Aggregator, UserRecord, deaggregate};
pub use avro::{AvroOptions, AvroSchema};
pub use change::ChangeOptions;
pub use column::LENGTH_MAX_KEY;
pub use csv::CsvOptions;
pub use decoder::{Decoded, Decoder, RECORD_BYTES_MAX, ROWS_PER_RECORD_MAX, Rejected, Skipped};
pub use discovery::{DiscoveredColumn, Discovery, column_name, discover};
pub use encoder::{Encoder, Records};
pub use error::{Error, Result};
pub use fault::Fault;
pub use format::Format;
pub use framing::{Framing, Quoting, Unfinished};
pub use json::{JsonNumber, JsonOptions, Members, Scanner};
pub use legible::{Legible, legible};
pub use log::LogOptions;
pub use options::{FORMATS, FormatSpec, OptionSpec, Options, suggest};
pub use protobuf::ProtobufOptions;
pub use raw::RawOptions;
pub use registry::{
    Compression, LookupError, RegisteredSchema, SchemaId, SchemaLookup, WireHeader, split_header, split_message_index,
    split_message_path, write_header, write_message_index, write_message_path,
};
pub use row_kind::RowKind;
