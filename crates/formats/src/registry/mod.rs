//! Records that name their schema: what stands before them, the seam to the registry that knows it, and what is remembered of it.

mod encoder;
mod headed;
mod header;
mod known;
mod lookup;
mod message_index;

pub use header::{Compression, SchemaId, WireHeader, split_header, write_header};
pub use lookup::{LookupError, RegisteredSchema, SchemaLookup};
pub use message_index::{split_message_index, split_message_path, write_message_index, write_message_path};

pub(crate) use encoder::{HeadedEncoder, RecordHeader};
pub(crate) use headed::Headed;
pub(crate) use header::{COMPRESSIONS, HEADERS, id_of, split};
pub(crate) use known::Known;

use tidemill_schemas::DataFormat;

use crate::error::{Error, Result};

/// The header asks for a registry, and there is none.
pub(crate) fn no_registry(format: &'static str) -> Error {
    Error::MissingOption {
        format,
        option: "header".into(),
        what: "this header names schemas of a registry, and none is connected; `none` needs none",
    }
}

/// The id of a schema that is to be written with.
pub(crate) fn registered(lookup: &dyn SchemaLookup, language: DataFormat, text: &str, name: &str) -> Result<SchemaId> {
    let failed = |error: LookupError| Error::SchemaLookup { schema: name.to_owned(), reason: error.to_string() };
    lookup.id(language, text).map_err(failed)
}

#[cfg(test)]
mod tests;
