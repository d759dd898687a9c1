//! How a stream's records are told, by a server's own registry or not at all. What a line says is in
//! [`told`](crate::told).

use std::sync::Arc;

use tidemill_connectors::registered_schema;
use tidemill_formats::{LookupError, RegisteredSchema, SchemaId, SchemaLookup};
use tidemill_schemas::{DEFAULT_REGISTRY, DataFormat, Registries, SchemaName};
use tidemill_streams::{ReadRecord, ShardId};

use crate::api::{ApiError, ApiResult};
use crate::told::Record;

/// How records are told.
pub(super) enum Teller {
    /// As they are stored.
    Plain,
    /// Unpacked, and read by the schemas that they name.
    Decoding(Lookup),
}

/// The registry that schemas are looked up in.
pub(super) struct Lookup {
    registries: Arc<Registries>,
    /// What the stream's schema is called by custom; its registry is the one that numbers are of.
    own: SchemaName,
}

impl Teller {
    /// Decodes by the schemas of a registry.
    pub(super) fn decoding(registries: Arc<Registries>, registry: &str, stream: &str) -> ApiResult<Self> {
        // The default one is made when it is first used.
        if registry != DEFAULT_REGISTRY && registries.registry(registry).is_err() {
            return Err(ApiError::missing("schema registry", registry));
        }
        let own = SchemaName { registry: registry.to_owned(), name: format!("{stream}-value") };
        Ok(Teller::Decoding(Lookup { registries, own }))
    }

    /// The lines that a record comes to: one, or one for each record in it.
    pub(super) fn lines(&self, shard: ShardId, record: &ReadRecord) -> Vec<String> {
        let record = Record {
            shard: &shard.to_string(),
            sequence_number: &record.sequence.to_string(),
            time: record.time.as_millis(),
            partition_key: &String::from_utf8_lossy(&record.partition_key),
            data: &record.data,
        };
        match self {
            Teller::Plain => vec![record.line()],
            Teller::Decoding(lookup) => record.decoded(lookup),
        }
    }
}

impl SchemaLookup for Lookup {
    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, LookupError> {
        registered_schema(&self.registries, &self.own, id)
    }

    fn id(&self, _: DataFormat, _: &str) -> Result<SchemaId, LookupError> {
        Err(LookupError::NotFound)
    }
}
