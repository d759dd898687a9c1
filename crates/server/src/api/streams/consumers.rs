//! Registered consumers of enhanced fan-out: each gets a stream's records pushed, at a rate of its own.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tidemill_aws_api::kinesis::RegisteredConsumer;
use utoipa::ToSchema;

use super::{named, not_noted};
use crate::api::{ApiError, ApiResult, ErrorBody, Json, Path};
use crate::app::App;

/// A consumer to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConsumer {
    /// 1 to 128 of `A-Z a-z 0-9 _ . -`.
    name: String,
}

/// A registered consumer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsumerView {
    name: String,
    /// By which clients of AWS subscribe to shards.
    arn: String,
    /// Unix ms.
    created_ms: i64,
}

/// The registered consumers of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConsumerList {
    /// By name.
    consumers: Vec<ConsumerView>,
}

impl From<RegisteredConsumer> for ConsumerView {
    fn from(consumer: RegisteredConsumer) -> Self {
        let RegisteredConsumer { name, arn, created_s } = consumer;
        ConsumerView { name, arn, created_ms: created_s.saturating_mul(1_000) }
    }
}

/// List a stream's registered consumers.
#[utoipa::path(get, operation_id = "list_consumers", path = "/api/v1/streams/{stream}/consumers", tag = "streams",
    params(("stream" = String, Path, description = "its name")),
    responses((status = 200, body = ConsumerList), (status = 404, body = ErrorBody)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(stream): Path<String>,
) -> ApiResult<axum::Json<ConsumerList>> {
    let consumers = app.kinesis.consumers(&named(&app, &stream)?);
    Ok(axum::Json(ConsumerList { consumers: consumers.into_iter().map(ConsumerView::from).collect() }))
}

/// Register a consumer.
#[utoipa::path(post, operation_id = "register_consumer", path = "/api/v1/streams/{stream}/consumers", tag = "streams",
    params(("stream" = String, Path, description = "its name")), request_body = NewConsumer, responses(
    (status = 201, body = ConsumerView), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn register(
    State(app): State<Arc<App>>,
    Path(stream): Path<String>,
    Json(new): Json<NewConsumer>,
) -> ApiResult<(StatusCode, axum::Json<ConsumerView>)> {
    let found = named(&app, &stream)?;
    let (kinesis, name) = (app.kinesis.clone(), new.name.clone());
    let made =
        tokio::task::spawn_blocking(move || kinesis.register(&found, &name)).await.map_err(ApiError::internal)?;
    let made = made.map_err(|fault| match fault.status {
        400 => ApiError::invalid(fault.message.unwrap_or_default(), "use 1 to 128 of A-Z a-z 0-9 _ . -"),
        _ => not_noted(fault),
    })?;
    let made = made.ok_or_else(|| ApiError::exists("consumer", &new.name))?;
    Ok((StatusCode::CREATED, axum::Json(made.into())))
}

/// Deregister a consumer; its subscriptions end.
#[utoipa::path(delete, operation_id = "deregister_consumer", path = "/api/v1/streams/{stream}/consumers/{consumer}", tag = "streams",
    params(("stream" = String, Path, description = "its stream"), ("consumer" = String, Path, description = "its name")),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(crate) async fn deregister(
    State(app): State<Arc<App>>,
    Path((stream, consumer)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    let found = named(&app, &stream)?;
    let (kinesis, name) = (app.kinesis.clone(), consumer.clone());
    let gone = tokio::task::spawn_blocking(move || kinesis.deregister(&found, &name)).await;
    match gone.map_err(ApiError::internal)?.map_err(not_noted)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiError::missing("consumer", &consumer)),
    }
}
