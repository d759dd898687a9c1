//! The AWS protocols on the HTTP port: `POST /`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use futures::StreamExt;
use hyper::body::Incoming;
use tidemill_aws_api::access::AccessKeys;
use tidemill_aws_api::kinesis::Kinesis;
use tidemill_aws_api::{Gateway, Glue, Reply, TARGET_HEADER};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::config::Config;
use crate::http::{BodyError, foreign_host, read_body};

/// The most bytes of a request's body: 10 MiB of data as base64, and keys.
const BODY_BYTES_MAX: usize = 20 << 20;
/// Bodies up to this are not counted among those in flight.
const SMALL_BYTES: u32 = 64 << 10;

/// The services, and the room for their requests.
#[derive(Debug)]
pub(crate) struct Aws {
    pub(crate) gateway: Gateway,
    /// A permit for each KiB of bodies in flight.
    room: Arc<Semaphore>,
}

impl Aws {
    pub(crate) fn new(kinesis: Kinesis, glue: Glue, keys: AccessKeys, config: &Config) -> Aws {
        let local = config.http.listen.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        Aws {
            gateway: Gateway::new(vec![Arc::new(kinesis), Arc::new(glue)], keys, local, &config.kinesis.account),
            room: Arc::new(Semaphore::new(config.kinesis.in_flight_bytes_max >> 10)),
        }
    }
}

/// Whether a request is one of theirs.
pub(crate) fn is_aws(request: &Request<Incoming>) -> bool {
    request.uri().path() == "/" && (request.method() == Method::POST || request.headers().contains_key(TARGET_HEADER))
}

/// Answers one.
pub(crate) async fn answer(app: &App, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    // Without signatures, only the host tells a page that lets its own name point here from a client.
    if app.aws.gateway.is_open() && foreign_host(&head.headers, &app.config.http.hosts).is_some() {
        return refuse(StatusCode::MISDIRECTED_REQUEST);
    }
    let length = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let bytes = length.unwrap_or(BODY_BYTES_MAX as u32).min(BODY_BYTES_MAX as u32);
    // The body, what it decodes to, and as much for the answer.
    let permits = if bytes <= SMALL_BYTES { 0 } else { 3 * (bytes >> 10) };
    let Ok(_room) = app.aws.room.clone().try_acquire_many_owned(permits) else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE);
    };
    let patience = Duration::from_millis(app.config.http.body_timeout_ms);
    let body = match read_body(body, BODY_BYTES_MAX, patience).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return refuse(StatusCode::PAYLOAD_TOO_LARGE),
        Err(BodyError::TooSlow) => return refuse(StatusCode::REQUEST_TIMEOUT),
        Err(BodyError::Broken) => return refuse(StatusCode::BAD_REQUEST),
    };
    app.aws.gateway.answer(&head, body).await.map(|reply| match reply {
        Reply::Whole(bytes) => Body::from(bytes),
        Reply::Parts(parts) => Body::from_stream(parts.map(Ok::<_, std::convert::Infallible>)),
    })
}

fn refuse(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
