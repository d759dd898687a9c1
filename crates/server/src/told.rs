//! What is told of a stream's record: one line of JSON, as it is stored or decoded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;
use tidemill_formats::{SchemaLookup, deaggregate, legible};

/// A record of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// `shardId-000000000003`
    pub shard: &'a str,
    /// Its place in the shard.
    pub sequence_number: &'a str,
    /// Unix ms.
    pub time: i64,
    /// What its shard was chosen by.
    pub partition_key: &'a str,
    /// As it is stored.
    pub data: &'a [u8],
}

/// A record as a line.
#[derive(Serialize)]
struct Line<'a> {
    shard: &'a str,
    sequence_number: &'a str,
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

impl Record<'_> {
    /// The record as it is stored.
    pub fn line(&self) -> String {
        self.told(None, None)
    }

    /// The records that the Kinesis Producer Library packed into it, or itself, each read by the schema that it names.
    pub fn decoded(&self, lookup: &dyn SchemaLookup) -> Vec<String> {
        let Some(packed) = deaggregate(self.data) else { return vec![self.told(None, Some(lookup))] };
        let one = |(nth, one): (usize, &tidemill_formats::UserRecord<'_>)| {
            Record { partition_key: one.partition_key, data: one.data, ..*self }.told(Some(nth), Some(lookup))
        };
        packed.iter().enumerate().map(one).collect()
    }

    fn told(&self, sub_sequence_number: Option<usize>, lookup: Option<&dyn SchemaLookup>) -> String {
        let Record { shard, sequence_number, time, partition_key, data } = *self;
        let mut line = Line {
            shard,
            sequence_number,
            sub_sequence_number,
            time,
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
}
