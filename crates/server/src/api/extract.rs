//! axum's extractors, with our errors when they fail.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiError;

/// A JSON body. Its type must be told, so that no other site's page can send one without asking first (CORS).
pub(crate) struct Json<T>(pub(crate) T);

/// The parameters of the query string.
pub(crate) struct Query<T>(pub(crate) T);

/// The variable segments of the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Json(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(ApiError::invalid(
                "the body isn't declared as JSON",
                "send the header Content-Type: application/json",
            )),
            Err(rejected) => Err(rejection(rejected.status(), rejected.body_text())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Query(value)),
            Err(rejected) => Err(QueryRejection::into_api(rejected)),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Path(value)),
            Err(rejected) => Err(PathRejection::into_api(rejected)),
        }
    }
}

trait IntoApi {
    fn into_api(self) -> ApiError;
}

impl IntoApi for QueryRejection {
    fn into_api(self) -> ApiError {
        rejection(self.status(), self.body_text())
    }
}

impl IntoApi for PathRejection {
    fn into_api(self) -> ApiError {
        rejection(self.status(), self.body_text())
    }
}

fn rejection(status: StatusCode, said: String) -> ApiError {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large("http.body_bytes_max"),
        StatusCode::REQUEST_TIMEOUT => ApiError::slow_body(),
        _ => ApiError::invalid(said, "/api/v1/openapi.json describes what is expected"),
    }
}
