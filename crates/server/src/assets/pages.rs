//! The console and the tracker.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rust_embed::RustEmbed;

use super::Library;
use super::embedded::File;
use crate::api::ApiError;

/// Vite puts a hash of the content into these names, so they never change.
const HASHED: &str = "assets/";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_EACH_TIME: &str = "no-cache";
/// A tracker in a page may be an hour old; a changed one is taken up soon.
const AN_HOUR: &str = "public, max-age=3600";

#[derive(RustEmbed)]
#[folder = "../../console/dist"]
struct ConsoleFiles;

static TRACKER: LazyLock<File> = LazyLock::new(|| {
    File::new(Bytes::from_static(include_bytes!("../../../web-analytics/tracker/dist/tracker.js")), "text/javascript")
});
static CONSOLE: LazyLock<Library> = LazyLock::new(|| Library::of::<ConsoleFiles>(|_, content| content));

/// A file of the console; a path without a file is one of its pages, which the page itself tells apart.
pub(crate) async fn console(uri: Uri, request: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if let Some(file) = CONSOLE.get(path) {
        let caching = if path.starts_with(HASHED) { FOR_EVER } else { ASK_EACH_TIME };
        return file.answer(&request, caching);
    }
    // A missing script must not be answered with a page: the browser would try to run it.
    let is_file = path.starts_with(HASHED) || path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    match CONSOLE.get("index.html") {
        Some(page) if !is_file => page.answer(&request, ASK_EACH_TIME),
        _ => ApiError::no_path(uri.path()).into_response(),
    }
}

/// The script that sites put on their pages.
pub(crate) async fn tracker(request: HeaderMap) -> Response {
    let mut answer = TRACKER.answer(&request, AN_HOUR);
    let headers = answer.headers_mut();
    // Pages of any origin load it, also those that isolate themselves.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    answer
}
