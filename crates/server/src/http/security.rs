//! What keeps web pages elsewhere from using this server through a visitor's browser.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::ApiError;
use crate::app::App;

/// The console runs only what comes from here. Charts and components
/// style their own elements.
const CONTENT_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                              img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Refuses hosts that aren't ours and puts security headers on every answer.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if let Some(host) = foreign_host(request.headers(), &app.config.http.hosts) {
        return ApiError::wrong_host(host).into_response();
    }
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry("cross-origin-resource-policy").or_insert(HeaderValue::from_static("same-origin"));
    answer
}

/// The host asked for, if it is neither an address nor a name that we know.
///
/// A page at evil.example can let its own name point to 127.0.0.1 and then read answers as its own: but its requests
/// carry that name.
pub(crate) fn foreign_host<'a>(headers: &'a HeaderMap, known: &str) -> Option<&'a str> {
    let host = headers.get(header::HOST)?.to_str().unwrap_or("?");
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let ours = bare.parse::<IpAddr>().is_ok()
        || bare.eq_ignore_ascii_case("localhost")
        || bare.to_ascii_lowercase().ends_with(".localhost")
        || known.split(',').any(|known| !known.trim().is_empty() && known.trim().eq_ignore_ascii_case(bare));
    (!ours).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: &str, known: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_str(host).unwrap())]);
        foreign_host(&headers, known).is_some()
    }

    #[test]
    fn addresses_and_localhost_are_ours_and_names_only_when_configured() {
        for host in ["127.0.0.1:7171", "[::1]:7171", "localhost", "LocalHost:80", "10.0.0.5", "a.localhost:1"] {
            assert!(!refused(host, ""), "{host}");
        }
        for host in ["evil.example", "evil.example:7171", "localhost.evil.example", ""] {
            assert!(refused(host, "stats.example"), "{host}");
        }
        assert!(!refused("Stats.Example:443", "other.example, stats.example"));
    }
}
