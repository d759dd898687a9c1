//! The collector in the API's description; requests are answered by [`super::answer`], past the router.

use crate::api::ErrorBody;

/// Send beacons.
///
/// One JSON beacon, one JSON beacon a line (`application/x-ndjson`), or a boomerang beacon as a form. The answer comes when
/// they are on disk; also for malformed ones, which go to quarantine with their reason.
#[utoipa::path(post, path = "/b/{key}", tag = "beacons", params(("key" = String, Path, description = "the site's public key")),
    request_body(content(
        (serde_json::Value = "application/json"),
        (String = "text/plain"),
        (String = "application/x-ndjson"),
        (String = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 204, description = "on disk"),
        (status = 404, body = ErrorBody, description = "no site has this key"),
        (status = 413, body = ErrorBody, description = "more than 64 KiB"),
        (status = 429, body = ErrorBody, description = "more than the site's rate"),
        (status = 503, body = ErrorBody, description = "nothing can be stored now"),
    ))]
#[allow(dead_code)]
pub(crate) fn post() {}

/// Send a boomerang beacon in the query string.
#[utoipa::path(get, path = "/b/{key}", tag = "beacons", params(("key" = String, Path, description = "the site's public key")),
    responses((status = 204, description = "on disk"), (status = 404, body = ErrorBody), (status = 429, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
#[allow(dead_code)]
pub(crate) fn get() {}
