//! Why beacons aren't taken, as a status and a few words. Then none of the request's beacons is promised to be kept.

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No site has this key.
    UnknownSite,
    /// Neither `GET`, `POST` nor `OPTIONS`.
    Method,
    /// The body is too large, or holds too many beacons.
    TooLarge,
    /// The body didn't come in time.
    TooSlow,
    /// The body can't be read.
    Broken,
    /// More than the site's rate.
    TooMany,
    /// More requests wait for the disk than allowed.
    Busy,
    /// The stream couldn't store it.
    NotStored,
}

impl Refusal {
    /// All of them, for metrics.
    pub(crate) const ALL: [Refusal; 8] = [
        Refusal::UnknownSite,
        Refusal::Method,
        Refusal::TooLarge,
        Refusal::TooSlow,
        Refusal::Broken,
        Refusal::TooMany,
        Refusal::Busy,
        Refusal::NotStored,
    ];

    /// Its name in metrics.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Refusal::UnknownSite => "unknown_site",
            Refusal::Method => "method",
            Refusal::TooLarge => "too_large",
            Refusal::TooSlow => "too_slow",
            Refusal::Broken => "broken",
            Refusal::TooMany => "rate",
            Refusal::Busy => "busy",
            Refusal::NotStored => "not_stored",
        }
    }

    fn told(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Refusal::UnknownSite => {
                (StatusCode::NOT_FOUND, "TM-BEACON-0001", "no site has this key", "`tidemill site list` shows the keys")
            }
            Refusal::Method => (StatusCode::METHOD_NOT_ALLOWED, "TM-BEACON-0002", "send beacons by POST or GET", ""),
            Refusal::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "TM-BEACON-0003",
                "more than 64 KiB, or more than 1,000 lines",
                "send fewer beacons at a time",
            ),
            Refusal::TooSlow => (StatusCode::REQUEST_TIMEOUT, "TM-BEACON-0004", "the body did not arrive in time", ""),
            Refusal::Broken => (StatusCode::BAD_REQUEST, "TM-BEACON-0005", "the body can't be read", ""),
            Refusal::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                "TM-BEACON-0006",
                "more beacons a second than this site may send",
                "send again later, or raise the site's rate_per_second",
            ),
            Refusal::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "TM-BEACON-0007",
                "too many beacons wait for the disk; nothing was stored",
                "send again later",
            ),
            Refusal::NotStored => (
                StatusCode::SERVICE_UNAVAILABLE,
                "TM-BEACON-0008",
                "the beacon could not be stored",
                "send again later; the server's log says why",
            ),
        }
    }

    pub(super) fn response(self) -> Response<Body> {
        let (status, code, message, hint) = self.told();
        let body = json!({ "error": { "code": code, "message": message, "hint": hint } });
        let mut response = (status, Json(body)).into_response();
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self == Refusal::Method {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST, OPTIONS"));
        }
        response
    }
}
