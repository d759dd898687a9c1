//! The REST API below `/api/v1`, described by OpenAPI.

mod access_keys;
mod analytics;
mod error;
mod events;
mod extract;
mod openapi;
mod schemas;
mod sites;
mod statement;
mod streams;

use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::routing::{any, get, post};

use crate::app::App;

pub(crate) use error::{ApiError, ApiResult, ErrorBody};
pub(crate) use extract::{Json, Path, Query};

/// Everything below `/api`.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/sites", get(sites::list).post(sites::create))
        .route("/api/v1/sites/{site}", get(sites::show).patch(sites::update).delete(sites::delete))
        .route("/api/v1/sites/{site}/overview", get(analytics::overview))
        .route("/api/v1/sites/{site}/timeseries", get(analytics::timeseries))
        .route("/api/v1/sites/{site}/vitals", get(analytics::vitals))
        .route("/api/v1/sites/{site}/histogram", get(analytics::histogram))
        .route("/api/v1/sites/{site}/breakdown", get(analytics::breakdown))
        .route("/api/v1/sites/{site}/quality", get(analytics::quality))
        .route("/api/v1/sites/{site}/realtime", get(analytics::realtime))
        .route("/api/v1/sites/{site}/dimensions/{dimension}/values", get(analytics::values))
        .route("/api/v1/sites/{site}/events", get(events::events))
        .route("/api/v1/streams", get(streams::list).post(streams::create))
        .route("/api/v1/streams/{stream}", get(streams::describe).delete(streams::delete))
        .route("/api/v1/streams/{stream}/records", get(streams::tail).post(streams::put))
        .route("/api/v1/streams/{stream}/split", post(streams::reshard::split))
        .route("/api/v1/streams/{stream}/merge", post(streams::reshard::merge))
        .route("/api/v1/streams/{stream}/reshard", post(streams::reshard::reshard))
        .route("/api/v1/streams/{stream}/consumers", get(streams::consumers::list).post(streams::consumers::register))
        .route("/api/v1/streams/{stream}/consumers/{consumer}", axum::routing::delete(streams::consumers::deregister))
        .route("/api/v1/access-keys", get(access_keys::list).post(access_keys::create))
        .route("/api/v1/access-keys/{key}", axum::routing::delete(access_keys::delete))
        .route("/api/v1/schemas", get(schemas::list))
        .route("/api/v1/schemas/{schema}", get(schemas::describe).delete(schemas::delete))
        .route("/api/v1/schemas/{schema}/versions", post(schemas::register))
        .route("/api/v1/schemas/{schema}/check", post(schemas::check))
        .route("/api/v1/schemas/{schema}/diff", get(schemas::diff))
        .route("/api/v1/query", post(statement::query))
        .route("/api/v1/openapi.json", get(openapi::description))
        .route("/api/{*path}", any(async |uri: Uri| ApiError::no_path(uri.path())))
}
