//! `/api/v1/streams`: list, create, describe, delete; records are put and tailed in `records` and `tail`, shards split
//! and merged in `reshard`, consumers registered in `consumers`.

pub(super) mod consumers;
pub(super) mod records;
pub(super) mod reshard;
pub(super) mod tail;
mod told;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tidemill_aws_api::Fault;
use tidemill_streams::{Error, ShardDescription, Stream, StreamConfig, StreamDescription};
use utoipa::{IntoParams, ToSchema};

use super::{ApiError, ApiResult, ErrorBody, Json, Path, Query};
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
    /// Whether its number of shards is being changed.
    resharding: bool,
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

impl StreamDetail {
    fn of(app: &App, stream: &Stream) -> Self {
        let described = stream.describe();
        StreamDetail {
            summary: (&described).into(),
            created_ms: described.created.as_millis(),
            resharding: app.kinesis.is_scaling(stream),
            shards: described.shards.iter().map(ShardDetail::from).collect(),
        }
    }
}

/// What goes with a stream that is deleted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Deletion {
    /// Delete it although it has registered consumers.
    consumers: Option<bool>,
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
    let streams = app.streams.clone();
    let made = blocking(move || streams.create(&new.name, config)).await?;
    Ok((StatusCode::CREATED, axum::Json(StreamDetail::of(&app, &made))))
}

/// Describe a stream.
#[utoipa::path(get, operation_id = "describe_stream", path = "/api/v1/streams/{stream}", tag = "streams", params(("stream" = String, Path, description = "its name")),
    responses((status = 200, body = StreamDetail), (status = 404, body = ErrorBody)))]
pub(crate) async fn describe(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> ApiResult<axum::Json<StreamDetail>> {
    Ok(axum::Json(StreamDetail::of(&app, &named(&app, &name)?)))
}

/// Delete a stream and its records. One with registered consumers is kept, unless they may go, too.
#[utoipa::path(delete, operation_id = "delete_stream", path = "/api/v1/streams/{stream}", tag = "streams", params(("stream" = String, Path, description = "its name"), Deletion),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Query(deletion): Query<Deletion>,
) -> ApiResult<StatusCode> {
    refuse_own(&name)?;
    let stream = named(&app, &name)?;
    let consumers = app.kinesis.consumers(&stream);
    if !consumers.is_empty() && deletion.consumers != Some(true) {
        let names: Vec<_> = consumers.iter().take(5).map(|consumer| consumer.name.as_str()).collect();
        return Err(ApiError::in_use(
            format!("{} consumer(s) are registered with stream {name:?}: {}", consumers.len(), names.join(", ")),
            "deregister them first, or delete it with `consumers=true` (on the command line: --with-consumers)",
        ));
    }
    blocking(move || {
        app.streams.delete(&name)?;
        app.kinesis.forget(&stream);
        Ok(())
    })
    .await?;
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

/// A stream that may be changed from outside, and isn't being resharded.
fn changeable(app: &App, name: &str) -> ApiResult<Stream> {
    refuse_own(name)?;
    let stream = named(app, name)?;
    match app.kinesis.is_scaling(&stream) {
        true => Err(resharding(name)),
        false => Ok(stream),
    }
}

fn resharding(name: &str) -> ApiError {
    let said = format!("the number of shards of stream {name:?} is being changed");
    ApiError::in_use(said, "wait until `resharding` in its description is false, then try again")
}

/// Notes about a stream could not be stored.
fn not_noted(fault: Fault) -> ApiError {
    ApiError::unavailable(fault.message.unwrap_or_else(|| fault.kind.to_owned()))
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
