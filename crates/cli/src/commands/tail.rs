//! `tidemill stream tail`: records as the server tells them, or read here by a registry elsewhere.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;
use tidemill_connectors::{RegistryAccess, registries_elsewhere};
use tidemill_formats::SchemaLookup;
use tidemill_server::client::Client;
use tidemill_server::told;

use crate::args::{Args, Output, RegistryElsewhere};
use crate::failure::Failure;
use crate::output;

/// What reads records here, if the server does not.
pub(crate) fn lookup(elsewhere: &RegistryElsewhere) -> Result<Option<Arc<dyn SchemaLookup>>, Failure> {
    let Some(registries) = &elsewhere.schema_registry else { return Ok(None) };
    let access = RegistryAccess {
        user: elsewhere.schema_registry_user.clone().zip(elsewhere.schema_registry_password.clone()),
        region: elsewhere.schema_registry_region.clone(),
        ca_bundle: elsewhere.schema_registry_ca_bundle.clone(),
    };
    registries_elsewhere(registries, &access).map(Some).map_err(|error| Failure::Usage(error.to_string()))
}

/// Prints a stream's records, so many lines at most.
pub(crate) async fn print(
    client: &Client,
    path: &str,
    elsewhere: Option<&dyn SchemaLookup>,
    limit: u64,
    args: &Args,
) -> Result<(), Failure> {
    let mut lines = client.lines(path).await?;
    let mut left = limit;
    while let Some(line) = lines.next().await? {
        let told = match elsewhere {
            None => vec![line],
            Some(lookup) => read(&line, lookup)?,
        };
        for line in told {
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            match args.output {
                Output::Json => output::line(line.trim_end())?,
                Output::Human => output::line(&record(&line)?.told())?,
            }
        }
    }
    Ok(())
}

/// The lines that a record comes to which the server told as it is stored.
fn read(line: &str, lookup: &dyn SchemaLookup) -> Result<Vec<String>, Failure> {
    let stored = record(line)?;
    let data = match (&stored.data, &stored.data_base64) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, base64) => BASE64_STANDARD
            .decode(base64.as_deref().unwrap_or_default())
            .map_err(|error| Failure::Failed(error.to_string()))?,
    };
    let record = told::Record {
        shard: &stored.shard,
        sequence_number: &stored.sequence_number,
        time: stored.time,
        partition_key: &stored.partition_key,
        data: &data,
    };
    Ok(record.decoded(lookup))
}

fn record(line: &str) -> Result<Record<'_>, Failure> {
    serde_json::from_str(line).map_err(|error| Failure::Failed(error.to_string()))
}

/// A record as the server tells it. What is decoded keeps the order of its schema's fields.
#[derive(Deserialize)]
struct Record<'a> {
    shard: String,
    sequence_number: String,
    time: i64,
    partition_key: String,
    sub_sequence_number: Option<u64>,
    data: Option<String>,
    data_base64: Option<String>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    schema: Option<RecordSchema>,
    undecoded: Option<String>,
}

#[derive(Deserialize)]
struct RecordSchema {
    id: String,
    version: String,
}

impl Record<'_> {
    /// Shard, number and content; behind it by which schema it was read, or why not.
    fn told(&self) -> String {
        let sub = self.sub_sequence_number.map(|sub| format!(".{sub}")).unwrap_or_default();
        let stored = self.data.as_deref().or(self.data_base64.as_deref()).unwrap_or_default();
        let content = self.value.map_or(stored, RawValue::get);
        let about = match (&self.schema, &self.undecoded) {
            (Some(schema), _) if schema.version.is_empty() => format!("  # schema {}", schema.id),
            (Some(schema), _) => format!("  # {}", schema.version),
            (None, Some(reason)) => format!("  # not decoded: {reason}"),
            (None, None) => String::new(),
        };
        format!("{} {}{sub} {content}{about}", self.shard, self.sequence_number)
    }
}
