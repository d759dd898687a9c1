//! `/api/v1/access-keys`: keys with which clients of the AWS protocols sign.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tidemill_aws_api::Error;
use tidemill_aws_api::access::{AccessKey, Role};
use utoipa::ToSchema;

use super::{ApiError, ApiResult, ErrorBody, Json, Path};
use crate::app::App;

/// What a key may be used for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyRole {
    /// Everything.
    Admin,
    /// Describes streams and puts records.
    Producer,
    /// Describes streams and gets records.
    Consumer,
}

/// An access key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// What it is for, or whose: 1 to 64 visible ASCII characters.
    name: String,
    /// What it may be used for.
    role: KeyRole,
}

/// An access key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// `AWS_ACCESS_KEY_ID`
    id: String,
    name: String,
    role: KeyRole,
    /// Unix ms.
    created_ms: i64,
}

/// An access key just made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeKey {
    #[serde(flatten)]
    key: KeyView,
    /// `AWS_SECRET_ACCESS_KEY`; told this once.
    secret: String,
}

/// All access keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    /// In the order of their making.
    access_keys: Vec<KeyView>,
}

impl From<AccessKey> for KeyView {
    fn from(key: AccessKey) -> Self {
        let role = match key.role {
            Role::Admin => KeyRole::Admin,
            Role::Producer => KeyRole::Producer,
            Role::Consumer => KeyRole::Consumer,
        };
        KeyView { id: key.id, name: key.name, role, created_ms: key.created_ms }
    }
}

impl From<KeyRole> for Role {
    fn from(role: KeyRole) -> Self {
        match role {
            KeyRole::Admin => Role::Admin,
            KeyRole::Producer => Role::Producer,
            KeyRole::Consumer => Role::Consumer,
        }
    }
}

/// List the access keys.
#[utoipa::path(get, operation_id = "list_access_keys", path = "/api/v1/access-keys", tag = "access keys",
    responses((status = 200, body = KeyList)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> axum::Json<KeyList> {
    axum::Json(KeyList { access_keys: app.aws.gateway.keys().list().into_iter().map(KeyView::from).collect() })
}

/// Make an access key; the answer is the only place where its secret is told.
#[utoipa::path(post, operation_id = "create_access_key", path = "/api/v1/access-keys", tag = "access keys",
    request_body = NewKey, responses(
    (status = 201, body = MadeKey), (status = 400, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Json(new): Json<NewKey>,
) -> ApiResult<(StatusCode, axum::Json<MadeKey>)> {
    let made = blocking(move || app.aws.gateway.keys().create(&new.name, new.role.into())).await?;
    Ok((StatusCode::CREATED, axum::Json(MadeKey { key: made.key.into(), secret: made.secret })))
}

/// Delete an access key by its id or name; it can't be used from now on.
#[utoipa::path(delete, operation_id = "delete_access_key", path = "/api/v1/access-keys/{key}", tag = "access keys",
    params(("key" = String, Path, description = "its id or name")),
    responses((status = 204), (status = 404, body = ErrorBody)))]
pub(crate) async fn delete(State(app): State<Arc<App>>, Path(key): Path<String>) -> ApiResult<StatusCode> {
    blocking(move || app.aws.gateway.keys().delete(&key)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?.map_err(|error| {
        let status = match error {
            Error::KeyExists { .. } => StatusCode::CONFLICT,
            Error::InvalidKeyName { .. } => StatusCode::BAD_REQUEST,
            Error::KeyNotFound { .. } => StatusCode::NOT_FOUND,
            Error::TooManyKeys => StatusCode::TOO_MANY_REQUESTS,
            _ => return ApiError::unavailable(error.to_string()),
        };
        ApiError::of_part(status, error)
    })
}
