//! `/api/v1/streams`: list, create, describe, delete; records are put and tailed in `records` and `tail`.

pub(super) mod records;
pub(super) mod tail;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tidemill_streams::{Error, ShardDescription, Stream, StreamConfig, StreamDescription};
use utoipa::ToSchema;

use super::{ApiError, ApiResult, ErrorBody, Json, Path};
use crate::app::{App, BEACON_STREAM};

pub(crate) use records::put;
pub(crate) use tail::tail;

/// A stream to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewStream {
    /// 1 to 128 of `A-Z a-z 0-9 _ - .`, no dot first.
    name: String,
    /// Number of shards.
    #[serde(default = "one")]
    shards: u32,
    /// Hours that records are kept.
    #[serde(default = "a_day")]
    retention_hours: Option<u32>,
}

fn one() -> u32 {
    1
}

fn a_day() -> Option<u32> {
    StreamConfig::default().retention_hours
}

/// A stream in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamSummary {
    name: String,
    /// Shards that take records.
    open_shards: usize,
    /// Records kept.
    records: u64,
    /// Bytes on disk.
    bytes: u64,
    /// Hours that records are kept; null: for ever.
    retention_hours: Option<u32>,
}

/// A stream and its shards.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamDetail {
    #[serde(flatten)]
    summary: StreamSummary,
    /// Unix ms.
    created_ms: i64,
    /// By number; closed ones are listed until their records have expired.
    shards: Vec<ShardDetail>,
}

/// A shard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShardDetail {
    shard: String,
    /// `open`, or `closed` after a split or merge.
    state: &'static str,
    /// Shards that were split or merged into it.
    parents: Vec<String>,
    /// Lowest hash key, decimal.
    first_hash_key: String,
    /// Highest hash key, decimal.
    last_hash_key: String,
    /// Sequence number of the oldest record kept.
    oldest_sequence_number: String,
    /// Sequence number that the next record will get.
    next_sequence_number: String,
    records: u64,
    bytes: u64,
}

/// All streams.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamList {
    /// By name.
    streams: Vec<StreamSummary>,
}

impl From<&StreamDescription> for StreamSummary {
    fn from(stream: &StreamDescription) -> Self {
        StreamSummary {
            name: stream.name.clone(),
            open_shards: stream.shards.iter().filter(|shard| !shard.closed).count(),
            records: stream.records,
            bytes: stream.bytes,
            retention_hours: stream.config.retention_hours,
        }
    }
}

impl From<&StreamDescription> for StreamDetail {
    fn from(stream: &StreamDescription) -> Self {
        StreamDetail {
            summary: stream.into(),
            created_ms: stream.created.as_millis(),
            shards: stream.shards.iter().map(ShardDetail::from).collect(),
        }
    }
}

impl From<&ShardDescription> for ShardDetail {
    fn from(shard: &ShardDescription) -> Self {
        ShardDetail {
            shard: shard.id.to_string(),
            state: if shard.closed { "closed" } else { "open" },
            parents: shard.parents.iter().map(ToString::to_string).collect(),
            first_hash_key: shard.range.start.to_string(),
            last_hash_key: shard.range.end.to_string(),
            oldest_sequence_number: shard.oldest_sequence.to_string(),
            next_sequence_number: shard.next_sequence.to_string(),
            records: shard.records,
            bytes: shard.bytes,
        }
    }
}

/// List the streams.
#[utoipa::path(get, operation_id = "list_streams", path = "/api/v1/streams", tag = "streams", responses((status = 200, body = StreamList)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> axum::Json<StreamList> {
    let streams = app.streams.list().iter().map(|stream| StreamSummary::from(&stream.describe())).collect();
    axum::Json(StreamList { streams })
}

/// Create a stream.
#[utoipa::path(post, operation_id = "create_stream", path = "/api/v1/streams", tag = "streams", request_body = NewStream, responses(
    (status = 201, body = StreamDetail), (status = 400, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Json(new): Json<NewStream>,
) -> ApiResult<(StatusCode, axum::Json<StreamDetail>)> {
    let config = StreamConfig { shards: new.shards, retention_hours: new.retention_hours, ..StreamConfig::default() };
    let made = blocking(move || app.streams.create(&new.name, config)).await?;
    Ok((StatusCode::CREATED, axum::Json(StreamDetail::from(&made.describe()))))
}

/// Describe a stream.
#[utoipa::path(get, operation_id = "describe_stream", path = "/api/v1/streams/{stream}", tag = "streams", params(("stream" = String, Path, description = "its name")),
    responses((status = 200, body = StreamDetail), (status = 404, body = ErrorBody)))]
pub(crate) async fn describe(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<StreamDetail>> {
    Ok(axum::Json(StreamDetail::from(&named(&app, &name)?.describe())))
}

/// Delete a stream and its records.
#[utoipa::path(delete, operation_id = "delete_stream", path = "/api/v1/streams/{stream}", tag = "streams", params(("stream" = String, Path, description = "its name")),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn delete(State(app): State<Arc<App>>, Path(name): Path<String>) -> ApiResult<StatusCode> {
    refuse_own(&name)?;
    blocking(move || app.streams.delete(&name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn named(app: &App, name: &str) -> ApiResult<Stream> {
    app.streams.get(name).map_err(refused)
}

/// The collector's stream is read by the pipeline, which expects what the collector writes.
fn refuse_own(name: &str) -> ApiResult<()> {
    if name == BEACON_STREAM {
        return Err(ApiError::own_stream(name));
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> tidemill_streams::Result<T> + Send + 'static,
) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?.map_err(refused)
}

fn refused(error: Error) -> ApiError {
    let status = match &error {
        Error::StreamNotFound { .. } | Error::ShardNotFound { .. } | Error::StreamDeleted { .. } => {
            StatusCode::NOT_FOUND
        }
        Error::StreamExists { .. } => StatusCode::CONFLICT,
        Error::InvalidName { .. }
        | Error::InvalidSetting { .. }
        | Error::TooLarge { .. }
        | Error::InvalidReshard { .. }
        | Error::SequenceAhead { .. } => StatusCode::BAD_REQUEST,
        Error::LimitReached { .. } => StatusCode::TOO_MANY_REQUESTS,
        error if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if status.is_server_error() {
        tracing::error!(%error, "a stream failed");
    }
    ApiError::of_part(status, error)
}
