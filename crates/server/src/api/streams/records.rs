//! Puts records into a stream.

use std::sync::Arc;

use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tidemill_streams::{Record, hash_key};
use utoipa::ToSchema;

use super::{named, refuse_own, refused};
use crate::api::{ApiError, ApiResult, ErrorBody, Json, Path};
use crate::app::App;

/// Records of one request.
const RECORDS_MAX: usize = 10_000;

/// Records to put.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRecords {
    /// At most 10,000.
    records: Vec<NewRecord>,
}

/// A record to put: `data` or `data_base64`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRecord {
    /// The payload as text.
    data: Option<String>,
    /// The payload as base64.
    data_base64: Option<String>,
    /// Records with the same key go to the same shard, in order; without one a record goes by its own content.
    partition_key: Option<String>,
    /// Tells the shard instead of the partition key's MD5: decimal, 128 bits.
    explicit_hash_key: Option<String>,
}

/// Where the records are, in the order of the request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PutRecords {
    records: Vec<PutRecord>,
}

/// Where a record is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PutRecord {
    shard: String,
    sequence_number: String,
}

struct Parsed {
    data: Vec<u8>,
    partition_key: String,
    explicit_hash_key: Option<u128>,
}

impl NewRecord {
    fn parsed(self, place: usize) -> ApiResult<Parsed> {
        let wrong = |what: &str, hint: &str| ApiError::invalid(format!("record {place}: {what}"), hint);
        let data = match (self.data, self.data_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => STANDARD
                .decode(text)
                .map_err(|error| wrong(&format!("data_base64: {error}"), "use the standard alphabet with padding"))?,
            _ => return Err(wrong("it has not exactly one payload", "give either data or data_base64")),
        };
        let told = self.explicit_hash_key.map(|key| key.parse::<u128>());
        let told =
            told.transpose().map_err(|_| wrong("explicit_hash_key is no 128-bit number", "write it in decimal"))?;
        let explicit_hash_key = match &self.partition_key {
            None => told.or_else(|| Some(hash_key(&data))),
            Some(_) => told,
        };
        Ok(Parsed { data, partition_key: self.partition_key.unwrap_or_default(), explicit_hash_key })
    }
}

/// Put records; they are on disk when the answer comes.
#[utoipa::path(post, path = "/api/v1/streams/{stream}/records", tag = "streams", request_body = NewRecords,
    params(("stream" = String, Path, description = "its name")), responses(
    (status = 200, body = PutRecords), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 503, body = ErrorBody, description = "nothing can be stored now")))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Json(new): Json<NewRecords>,
) -> ApiResult<axum::Json<PutRecords>> {
    refuse_own(&name)?;
    let stream = named(&app, &name)?;
    if new.records.is_empty() || new.records.len() > RECORDS_MAX {
        return Err(ApiError::invalid(
            format!("{} records in one request", new.records.len()),
            format!("give 1 to {RECORDS_MAX}"),
        ));
    }
    let parsed: Vec<Parsed> =
        new.records.into_iter().enumerate().map(|(place, record)| record.parsed(place)).collect::<ApiResult<_>>()?;
    let stored = {
        let records: Vec<Record<'_>> = parsed
            .iter()
            .map(|record| Record {
                partition_key: record.partition_key.as_bytes(),
                explicit_hash_key: record.explicit_hash_key,
                data: &record.data,
            })
            .collect();
        stream.append_batch(&records)
    };
    let places = stored.await.map_err(refused)?;
    let records = places
        .iter()
        .map(|place| PutRecord { shard: place.shard.to_string(), sequence_number: place.sequence.to_string() })
        .collect();
    Ok(axum::Json(PutRecords { records }))
}
