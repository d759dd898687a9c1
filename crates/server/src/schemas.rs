//! The registries of schemas, and Confluent's protocol of them on the HTTP port.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use serde_json::json;
use tidemill_aws_api::Confluent;
use tidemill_schemas::Registries;

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::{BodyError, foreign_host, read_body};

/// The most bytes of a request's body: a schema's text, with its references.
const BODY_BYTES_MAX: usize = 2 << 20;

/// The opened registries.
#[derive(Clone, Debug)]
pub(crate) struct Schemas {
    pub(crate) registries: Arc<Registries>,
    confluent: Confluent,
}

impl Schemas {
    pub(crate) fn open(folder: &Path) -> Result<Schemas> {
        let registries = Registries::open(folder).map_err(|error| Error::part("schemas", error))?;
        let registries = Arc::new(registries);
        Ok(Schemas { confluent: Confluent::new(registries.clone()), registries })
    }
}

/// Whether a request speaks Confluent's protocol. A browser that asks for a page of that name gets the console.
pub(crate) fn is_confluent(request: &Request<Incoming>) -> bool {
    let accepts_page = |headers: &HeaderMap| {
        headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"))
    };
    Confluent::serves(request.uri().path()) && !accepts_page(request.headers())
}

/// Answers one.
pub(crate) async fn answer(app: &App, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    if let Some(host) = foreign_host(&head.headers, &app.config.http.hosts) {
        return refuse(StatusCode::MISDIRECTED_REQUEST, &format!("this server does not answer to the name {host:?}"));
    }
    let confluent = app.schemas.confluent.clone();
    // Looking up needs no disk.
    if head.method == Method::GET {
        return confluent.answer(&head.method, &head.uri, &[]).map(Body::from);
    }
    // A type that no other site's page can send without asking first (CORS).
    if head.method != Method::DELETE && !is_json(&head.headers) {
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the header Content-Type: application/json");
    }
    let patience = Duration::from_millis(app.config.http.body_timeout_ms);
    let body = match read_body(body, BODY_BYTES_MAX, patience).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 2 MiB"),
        Err(BodyError::TooSlow) => return refuse(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        Err(BodyError::Broken) => return refuse(StatusCode::BAD_REQUEST, "the body broke off"),
    };
    let answered = tokio::task::spawn_blocking(move || confluent.answer(&head.method, &head.uri, &body)).await;
    match answered {
        Ok(answer) => answer.map(Body::from),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    given == "application/json" || (given.starts_with("application/vnd.schemaregistry") && given.ends_with("+json"))
}

fn refuse(status: StatusCode, message: &str) -> Response<Body> {
    let body = json!({"error_code": status.as_u16(), "message": message}).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
}
