//! Splits and merges shards, one by one or to a number of them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tidemill_streams::{HashRange, ShardId};
use utoipa::ToSchema;

use super::{StreamDetail, blocking, changeable, not_noted, refused, resharding};
use crate::api::{ApiError, ApiResult, ErrorBody, Json, Path};
use crate::app::App;

/// The most shards that a stream may be brought to.
const SHARDS_MAX: u32 = 10_000;

/// A shard to split.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSplit {
    /// `shardId-000000000003`, or `3`.
    shard: String,
    /// The first hash key of the upper child, decimal; in the middle if none is given.
    at: Option<String>,
}

/// Shards to merge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMerge {
    /// Two, whose hash keys touch.
    shards: [String; 2],
}

/// How many shards there are to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCount {
    /// 1 to 10,000.
    shards: u32,
}

/// Split an open shard in two; records go to the children when the answer comes.
#[utoipa::path(post, operation_id = "split_shard", path = "/api/v1/streams/{stream}/split", tag = "streams", request_body = NewSplit,
    params(("stream" = String, Path, description = "its name")), responses((status = 200, body = StreamDetail),
    (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn split(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Json(new): Json<NewSplit>,
) -> ApiResult<axum::Json<StreamDetail>> {
    let stream = changeable(&app, &name)?;
    let shard = shard(&new.shard)?;
    let at = new.at.map(|at| at.parse::<u128>().map_err(|_| at));
    let at = at.transpose().map_err(|at| {
        ApiError::invalid(
            format!("{at:?} is no hash key"),
            "give the first hash key of the upper child in decimal, 128 bits",
        )
    })?;
    let range: HashRange = stream.shard(shard).map_err(refused)?.describe().range;
    let split = stream.clone();
    blocking(move || split.split(shard, at.unwrap_or(range.middle()))).await?;
    Ok(axum::Json(StreamDetail::of(&app, &stream)))
}

/// Merge two open shards; records go to the child when the answer comes.
#[utoipa::path(post, operation_id = "merge_shards", path = "/api/v1/streams/{stream}/merge", tag = "streams", request_body = NewMerge,
    params(("stream" = String, Path, description = "its name")), responses((status = 200, body = StreamDetail),
    (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn merge(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Json(new): Json<NewMerge>,
) -> ApiResult<axum::Json<StreamDetail>> {
    let stream = changeable(&app, &name)?;
    let [one, other] = &new.shards;
    let (one, other) = (shard(one)?, shard(other)?);
    let merged = stream.clone();
    blocking(move || merged.merge(one, other)).await?;
    Ok(axum::Json(StreamDetail::of(&app, &stream)))
}

/// Bring a stream to a number of shards with even ranges of hash keys. It goes on after the answer, and after a restart;
/// `resharding` in the stream's description says how long.
#[utoipa::path(post, operation_id = "reshard_stream", path = "/api/v1/streams/{stream}/reshard", tag = "streams", request_body = NewCount,
    params(("stream" = String, Path, description = "its name")), responses((status = 202, body = StreamDetail),
    (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn reshard(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Json(new): Json<NewCount>,
) -> ApiResult<(StatusCode, axum::Json<StreamDetail>)> {
    let stream = changeable(&app, &name)?;
    if !(1..=SHARDS_MAX).contains(&new.shards) {
        return Err(ApiError::invalid(
            format!("a stream can't have {} shards", new.shards),
            format!("say 1 to {SHARDS_MAX}"),
        ));
    }
    let (kinesis, scaled) = (app.kinesis.clone(), stream.clone());
    let begun = tokio::task::spawn_blocking(move || kinesis.begin_scaling(&scaled, new.shards)).await;
    match begun.map_err(ApiError::internal)?.map_err(not_noted)? {
        true => Ok((StatusCode::ACCEPTED, axum::Json(StreamDetail::of(&app, &stream)))),
        false => Err(resharding(&name)),
    }
}

/// `shardId-000000000003`, `shardId-3` or `3`.
fn shard(text: &str) -> ApiResult<ShardId> {
    let digits = text.strip_prefix("shardId-").unwrap_or(text);
    let number = Some(digits).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    number.and_then(|digits| digits.parse().ok()).map(ShardId).ok_or_else(|| {
        let text: String = text.chars().take(100).collect();
        ApiError::invalid(
            format!("{text:?} names no shard"),
            "say shardId-000000000003, or just 3; describe lists them",
        )
    })
}
