//! Takes what is posted.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::RETRY_AFTER;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use super::inbox::Inbox;
use crate::runtime::runtime;

/// Connections at the same time; further ones wait.
const CONNECTIONS_MAX: usize = 256;
/// How often, and how far apart, to try for a port that is in use.
const BIND_TRIES: usize = 50;
const BIND_WAIT: Duration = Duration::from_millis(20);

/// Where to listen.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) address: SocketAddr,
    pub(super) path: String,
    pub(super) body_bytes_max: usize,
}

/// Listens as long as it is kept.
pub(super) struct Listening(tokio::task::AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins to listen.
pub(super) fn listen(place: &Place, inbox: Arc<Inbox>) -> Result<Listening, String> {
    let failed = |error: std::io::Error| format!("can't listen at {}: {error}", place.address);
    let listener = bind(place.address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let listener = tokio::net::TcpListener::from_std(listener).map_err(failed)?;
    let place = place.clone();
    let accepting = runtime.spawn(async move {
        let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        // They end with the listener.
        let mut connections = tokio::task::JoinSet::new();
        while let Ok(permit) = Arc::clone(&free).acquire_owned().await {
            let (stream, _) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, address = %place.address, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            while connections.try_join_next().is_some() {}
            let (inbox, place) = (Arc::clone(&inbox), place.clone());
            connections.spawn(async move {
                let service = service_fn(|request| answer(request, &inbox, &place));
                let served =
                    http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
                if let Err(error) = served.await {
                    tracing::debug!(%error, "a connection ended early");
                }
                drop(permit);
            });
        }
    });
    Ok(Listening(accepting.abort_handle()))
}

/// Binds the port. Of an earlier start of the job it may take a moment until it is free.
fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    for _ in 0..BIND_TRIES {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => std::thread::sleep(BIND_WAIT),
            bound => return bound,
        }
    }
    TcpListener::bind(address)
}

async fn answer(request: Request<Incoming>, inbox: &Inbox, place: &Place) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != place.path {
        return Ok(say(StatusCode::NOT_FOUND, &format!("post to {}", place.path)));
    }
    if request.method() != Method::POST && request.method() != Method::PUT {
        return Ok(say(StatusCode::METHOD_NOT_ALLOWED, "post records here"));
    }
    let body = match Limited::new(request.into_body(), place.body_bytes_max).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Ok(say(StatusCode::PAYLOAD_TOO_LARGE, &format!("a body may have {} bytes", place.body_bytes_max)));
        }
        Err(error) => return Ok(say(StatusCode::BAD_REQUEST, &error.to_string())),
    };
    Ok(match inbox.put(body) {
        true => say(StatusCode::ACCEPTED, ""),
        false => {
            let mut full = say(StatusCode::SERVICE_UNAVAILABLE, "too much waits to be read; try again");
            full.headers_mut().insert(RETRY_AFTER, hyper::header::HeaderValue::from_static("1"));
            full
        }
    })
}

fn say(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let text = if text.is_empty() { Bytes::new() } else { Bytes::from(format!("{text}\n")) };
    let mut response = Response::new(Full::new(text));
    *response.status_mut() = status;
    response
}
