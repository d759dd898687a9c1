//! `/b/{key}`: takes beacons in (docs/web-analytics/beacons.md). A `204` means that they are on disk.
//!
//! The hot path. A request costs a look into a map, a keyed hash of who sent it, one copy into the stream's queue, and
//! a wait for the commit that it shares with all others of its millisecond. Nothing is parsed here: what is wrong with a
//! beacon is found, and kept with its reason, by the pipeline.

mod body;
pub(crate) mod document;
mod refusal;
mod sender;
mod tally;

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hyper::body::Incoming;
use hyper::{Request, Response};
use tidemill_streams::{Record, Stream};
use tidemill_web_analytics::envelope::{BodyKind, Envelope, partition_key};
use tidemill_web_analytics::summary::cell::SiteId;

use crate::app::App;
use crate::http::read_body;

use refusal::Refusal;

pub(crate) use sender::Senders;
pub(crate) use tally::Tally;

/// Where beacons go.
pub(crate) const PATH: &str = "/b/";

/// The collector's own parts.
#[derive(Debug)]
pub(crate) struct Collector {
    /// The stream that beacons are appended to.
    pub(crate) stream: Stream,
    /// Tells visitors apart.
    pub(crate) senders: Senders,
    /// What was answered.
    pub(crate) tally: Tally,
}

/// Answers one request below [`PATH`].
pub(crate) async fn answer(app: &App, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut response = Response::new(Body::empty());
    match accept(app, &parts, body, peer).await {
        Ok(()) => *response.status_mut() = StatusCode::NO_CONTENT,
        Err(refusal) => {
            app.collector.tally.refused(refusal);
            response = refusal.response();
        }
    }
    allow_origin(&parts, response.headers_mut());
    response
}

async fn accept(app: &App, parts: &Parts, body: Incoming, peer: IpAddr) -> Result<(), Refusal> {
    let key = parts.uri.path().strip_prefix(PATH).unwrap_or_default();
    let sites = app.sites.snapshot();
    let site = sites.by_key(key).ok_or(Refusal::UnknownSite)?;
    let limits = &app.config.beacons;
    let (kind, content);
    match parts.method {
        Method::OPTIONS => return Ok(()),
        Method::GET => {
            kind = body::Kind::One(BodyKind::Query);
            content = parts.uri.query().unwrap_or_default().as_bytes().to_vec().into();
        }
        Method::POST => {
            let patience = Duration::from_millis(app.config.http.body_timeout_ms);
            content = read_body(body, limits.body_bytes_max, patience).await?;
            kind = body::kind(&parts.headers, &content);
        }
        _ => return Err(Refusal::Method),
    }
    let beacons = body::split(kind, &content)?;
    if !site.admission.admit(beacons.len() as u64, site.site.settings.rate_per_second) {
        return Err(Refusal::TooMany);
    }
    let collector = &app.collector;
    let _place = collector.tally.enter(limits.in_flight_max).ok_or(Refusal::Busy)?;
    let sender = collector.senders.of(&parts.headers, &app.config.http, peer);
    let site_id = SiteId(site.site.id);
    let visitor = collector.senders.visitor(site_id, &sender);
    let envelope = |body| Envelope {
        site: site_id,
        visitor,
        kind: kind.of_beacon(),
        country: sender.country,
        user_agent: &sender.user_agent,
        body,
    };
    let stored = match beacons.as_slice() {
        [body] => {
            let envelope = envelope(body);
            let mut data = Vec::new();
            envelope.encode(&mut data);
            let partition_key = partition_key(&envelope);
            let record = Record { partition_key: &partition_key, explicit_hash_key: None, data: &data };
            collector.stream.append(record).await.map(|_| ())
        }
        many => append_many(&collector.stream, many.iter().map(|body| envelope(body))).await,
    };
    stored.map_err(|error| {
        collector.tally.report(&error);
        Refusal::NotStored
    })?;
    collector.tally.accepted.fetch_add(beacons.len() as u64, Ordering::Relaxed);
    Ok(())
}

async fn append_many<'a>(
    stream: &Stream,
    envelopes: impl Iterator<Item = Envelope<'a>>,
) -> tidemill_streams::Result<()> {
    let encoded: Vec<(Vec<u8>, Vec<u8>)> = envelopes
        .map(|envelope| {
            let mut data = Vec::new();
            envelope.encode(&mut data);
            (partition_key(&envelope).into_owned(), data)
        })
        .collect();
    let records: Vec<Record<'_>> =
        encoded.iter().map(|(partition_key, data)| Record { partition_key, explicit_hash_key: None, data }).collect();
    let stored = stream.append_batch(&records);
    stored.await.map(|_| ())
}

/// Pages of every origin may send. `sendBeacon` sends with credentials, and then `*` is not enough for the browser.
fn allow_origin(parts: &Parts, headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match parts.headers.get(header::ORIGIN) {
        Some(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            headers.insert(header::VARY, HeaderValue::from_static("origin"));
        }
        None => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
    }
    if parts.method == Method::OPTIONS {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    }
}
