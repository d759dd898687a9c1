//! What is told of a record: one line of JSON, as it is stored or decoded.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;
use tidemill_connectors::registered_schema;
use tidemill_formats::{LookupError, RegisteredSchema, SchemaId, SchemaLookup, deaggregate, legible};
use tidemill_schemas::{DEFAULT_REGISTRY, DataFormat, Registries, SchemaName};
use tidemill_streams::{ReadRecord, ShardId};

use crate::api::{ApiError, ApiResult};

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

/// A record as a line.
#[derive(Serialize)]
struct Line<'a> {
    shard: String,
    sequence_number: String,
    /// Its place in the aggregated record.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_sequence_number: Option<usize>,
    time: i64,
    partition_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<Schema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undecoded: Option<String>,
}

/// The schema that a record names.
#[derive(Serialize)]
struct Schema {
    id: String,
    format: &'static str,
    /// Such as `customers, version 2`.
    version: String,
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
        let key = String::from_utf8_lossy(&record.partition_key);
        let Teller::Decoding(lookup) = self else {
            return vec![line(shard, record, None, &key, &record.data, None)];
        };
        match deaggregate(&record.data) {
            None => vec![line(shard, record, None, &key, &record.data, Some(lookup))],
            Some(packed) => {
                let packed = packed.iter().enumerate();
                let told =
                    packed.map(|(nth, one)| line(shard, record, Some(nth), one.partition_key, one.data, Some(lookup)));
                told.collect()
            }
        }
    }
}

fn line(
    shard: ShardId,
    record: &ReadRecord,
    sub_sequence_number: Option<usize>,
    partition_key: &str,
    data: &[u8],
    lookup: Option<&Lookup>,
) -> String {
    let mut line = Line {
        shard: shard.to_string(),
        sequence_number: record.sequence.to_string(),
        sub_sequence_number,
        time: record.time.as_millis(),
        partition_key,
        data: None,
        data_base64: None,
        value: None,
        schema: None,
        undecoded: None,
    };
    match lookup.and_then(|lookup| legible(data, lookup)) {
        Some(Ok(told)) => {
            let (id, format, version) = (told.schema.to_string(), told.format.name(), told.version);
            line.schema = Some(Schema { id, format, version });
            line.value = RawValue::from_string(told.json).ok();
        }
        Some(Err(reason)) => line.undecoded = Some(reason),
        None => {}
    }
    if line.value.is_none() {
        match std::str::from_utf8(data) {
            Ok(text) if line.undecoded.is_none() => line.data = Some(text),
            _ => line.data_base64 = Some(STANDARD.encode(data)),
        }
    }
    // Texts and numbers are always JSON.
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

impl SchemaLookup for Lookup {
    fn schema(&self, id: SchemaId) -> Result<RegisteredSchema, LookupError> {
        registered_schema(&self.registries, &self.own, id)
    }

    fn id(&self, _: DataFormat, _: &str) -> Result<SchemaId, LookupError> {
        Err(LookupError::NotFound)
    }
}
