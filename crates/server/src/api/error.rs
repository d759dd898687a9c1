//! What a request is told when it can't be done: `{"error":{"code","message","hint"}}` and a fitting status.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Result of an API request.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// An error as the API tells it.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// The body of an error.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// What happened.
    error: ErrorDetail,
}

/// What happened and what to do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// A stable code, such as `TM-API-0002`.
    code: String,
    /// What happened.
    message: String,
    /// What to do; may be empty.
    hint: String,
}

impl ApiError {
    fn new(status: StatusCode, code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        ApiError { status, code: code.into(), message: message.into(), hint: hint.into() }
    }

    /// A value that can't be used.
    pub(crate) fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "TM-API-0001", message, hint)
    }

    /// Nothing by that name.
    pub(crate) fn missing(kind: &str, name: &str) -> Self {
        let name: String = name.chars().take(100).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "TM-API-0002",
            format!("there is no {kind} {name:?}"),
            "look it up in the list",
        )
    }

    /// Something by that name exists.
    pub(crate) fn exists(kind: &str, name: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "TM-API-0003",
            format!("there is a {kind} {name:?} already"),
            "choose another name, or use the one that is there",
        )
    }

    /// Something of that name was there a moment ago.
    pub(crate) fn just_deleted(name: &str, left_s: u64) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "TM-API-0014",
            format!("a site {name:?} was deleted a moment ago, and its last rows are still on their way to the lake"),
            format!("choose another name, or create it in {left_s} s"),
        )
    }

    /// It is in use.
    pub(crate) fn in_use(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "TM-API-0015", message, hint)
    }

    /// A limit is reached.
    pub(crate) fn limit(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TM-API-0004", message, hint)
    }

    /// The body is larger than allowed.
    pub(crate) fn too_large(setting: &str) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "TM-API-0005",
            "the body is larger than allowed",
            format!("send less at a time, or raise {setting}"),
        )
    }

    /// The body didn't arrive in time.
    pub(crate) fn slow_body() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "TM-API-0011",
            "the body did not arrive in time",
            "send it at once, or raise http.body_timeout_ms",
        )
    }

    /// A stream that the server writes itself.
    pub(crate) fn own_stream(name: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "TM-API-0013",
            format!("the stream {name:?} is the collector's own"),
            "send beacons to /b/{key}; create another stream for other records",
        )
    }

    /// The request names a host that this server doesn't answer to.
    pub(crate) fn wrong_host(host: &str) -> Self {
        let host: String = host.chars().take(100).collect();
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "TM-API-0012",
            format!("this server doesn't answer to the host {host:?}"),
            "use 127.0.0.1 or localhost, or add the name to http.hosts",
        )
    }

    /// It took longer than allowed.
    pub(crate) fn timed_out(ms: u64) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "TM-API-0006",
            format!("no answer within {ms} ms"),
            "ask for less, or raise query.timeout_ms",
        )
    }

    /// It can't be stored now.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "TM-API-0007",
            message,
            "nothing was stored; look at the server's log, and at the space on its disk",
        )
    }

    /// A defect or a failing disk; the reason goes to the log.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "TM-API-0008",
            error.to_string(),
            "the server's log has the details",
        )
    }

    /// An error of another part, with that part's own code at the head of its text.
    pub(crate) fn of_part(status: StatusCode, error: impl std::fmt::Display) -> Self {
        let text = error.to_string();
        let (code, rest) = text.split_once(": ").unwrap_or(("TM-API-0008", &text));
        let (message, hint) = rest.split_once("; ").unwrap_or((rest, ""));
        Self::new(status, code, message, hint)
    }

    /// An error of web analytics.
    pub(crate) fn of_web_analytics(error: &tidemill_web_analytics::Error) -> Self {
        let status = match error {
            tidemill_web_analytics::Error::Unknown { .. } => StatusCode::NOT_FOUND,
            error if error.is_callers_fault() => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(%error, "a question to the summaries failed");
        }
        let text = error.to_string();
        let message = text.strip_prefix(error.code()).map_or(text.as_str(), |rest| rest.trim_start_matches([':', ' ']));
        Self::new(status, error.code(), message, error.hint())
    }

    /// No such path.
    pub(crate) fn no_path(path: &str) -> Self {
        let path: String = path.chars().take(200).collect();
        Self::new(
            StatusCode::NOT_FOUND,
            "TM-API-0009",
            format!("there is nothing at {path}"),
            "/api/v1/openapi.json lists what there is",
        )
    }

    /// Not with this method.
    pub(crate) fn method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "TM-API-0010",
            "this path doesn't take that method",
            "/api/v1/openapi.json lists what there is",
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = ErrorDetail { code: self.code, message: self.message, hint: self.hint };
        (self.status, Json(ErrorBody { error })).into_response()
    }
}
