//! Follows a stream: its records as lines of JSON, as they come.
//!
//! A shard's records come in order; between shards there is none. Children of a closed shard are followed when it ends.
//! What a line says of a record is in [`told`](super::told).

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures::future::select_all;
use serde::Deserialize;
use tidemill_streams::{IngestionTime, Position, ShardId, ShardReader, Stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use utoipa::IntoParams;

use super::told::Teller;
use super::{named, refused};
use crate::api::{ApiError, ApiResult, ErrorBody, Path, Query};
use crate::app::App;

/// Bytes read from a shard at a time.
const READ_BYTES: usize = 256 << 10;
/// Pieces that wait for a slow reader; then reading pauses.
const PIECES_WAITING: usize = 4;

/// How a stream is followed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Tail {
    /// `oldest`, `latest` (default), or Unix ms.
    from: Option<String>,
    /// Wait for more at the end (default) or stop there.
    follow: Option<bool>,
    /// Stop after so many records.
    limit: Option<u64>,
    /// Unpack records that the Kinesis Producer Library aggregated, and read those that name a schema by Glue's header or
    /// by Confluent's: `value` is then the record as JSON, `schema` which one it names, `undecoded` why it can't be read.
    decode: Option<bool>,
    /// The schema registry whose numbers Confluent's headers hold; the default one if none is given.
    registry: Option<String>,
}

/// Follow a stream: one JSON object a line.
#[utoipa::path(get, path = "/api/v1/streams/{stream}/records", tag = "streams", params(("stream" = String, Path, description = "its name"), Tail),
    responses((status = 200, body = String, content_type = "application/x-ndjson"), (status = 404, body = ErrorBody)))]
pub(crate) async fn tail(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Query(how): Query<Tail>,
) -> ApiResult<Response> {
    let position = match how.from.as_deref() {
        None | Some("latest") => Position::Latest,
        Some("oldest") => Position::Oldest,
        Some(text) => {
            let ms: i64 = text.parse().map_err(|_| {
                ApiError::invalid(format!("from={text:?}"), "give `oldest`, `latest`, or Unix milliseconds")
            })?;
            Position::AtTime(IngestionTime::from_micros(ms.saturating_mul(1_000)))
        }
    };
    let stream = named(&app, &name)?;
    let place = app.follower()?;
    let readers = open(&stream, position)?;
    let (pieces, received) = mpsc::channel(PIECES_WAITING);
    let registry = how.registry.as_deref().unwrap_or(tidemill_schemas::DEFAULT_REGISTRY);
    let teller = match how.decode {
        Some(true) => Teller::decoding(app.schemas.registries.clone(), registry, stream.name())?,
        _ => Teller::Plain,
    };
    let following = Following {
        teller: Arc::new(teller),
        stream,
        readers,
        begun: HashSet::new(),
        left: how.limit.unwrap_or(u64::MAX),
        follow: how.follow.unwrap_or(true),
        pieces,
        _place: place,
    };
    let mut stopping = app.stopping();
    tokio::spawn(async move {
        tokio::select! {
            () = following.run() => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    });
    let body = futures::stream::unfold(received, |mut received| async move {
        received.recv().await.map(|piece| (piece, received))
    });
    let mut answer = Response::new(Body::from_stream(body));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

/// Readers of the shards to begin with: all that are open, and closed ones unless only what is new is wanted.
fn open(stream: &Stream, position: Position) -> ApiResult<Vec<ShardReader>> {
    let shards = stream.shards().into_iter().filter(|shard| position != Position::Latest || !shard.describe().closed);
    shards.map(|shard| shard.reader(position).map_err(refused)).collect()
}

struct Following {
    teller: Arc<Teller>,
    stream: Stream,
    readers: Vec<ShardReader>,
    /// Children that are followed already; a merged child has two parents.
    begun: HashSet<ShardId>,
    left: u64,
    follow: bool,
    pieces: mpsc::Sender<Result<Bytes, std::io::Error>>,
    _place: OwnedSemaphorePermit,
}

impl Following {
    async fn run(mut self) {
        self.begun.extend(self.readers.iter().map(ShardReader::shard));
        loop {
            match self.round().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(stream = self.stream.name(), %error, "a tail ended");
                    let _ = self.pieces.send(Err(std::io::Error::other(error))).await;
                    return;
                }
            }
        }
    }

    /// Reads each shard once, and waits when there was nothing. False when it is done.
    async fn round(&mut self) -> tidemill_streams::Result<bool> {
        let mut found = false;
        let mut readers = Vec::with_capacity(self.readers.len());
        for mut reader in std::mem::take(&mut self.readers) {
            let teller = Arc::clone(&self.teller);
            let read = tokio::task::spawn_blocking(move || {
                let mut records = Vec::new();
                let outcome = reader.read(READ_BYTES, &mut records);
                let shard = reader.shard();
                let lines: Vec<String> = records.iter().flat_map(|record| teller.lines(shard, record)).collect();
                (reader, !records.is_empty(), lines, outcome)
            });
            let Ok((reader, any, lines, outcome)) = read.await else { return Ok(false) };
            let outcome = outcome?;
            found |= any;
            if !self.send(&lines).await {
                return Ok(false);
            }
            match outcome.end {
                None => readers.push(reader),
                Some(end) => {
                    for child in end.children {
                        if self.begun.insert(child) {
                            readers.push(self.stream.shard(child)?.reader(Position::Oldest)?);
                            found = true;
                        }
                    }
                }
            }
        }
        self.readers = readers;
        if found {
            return Ok(true);
        }
        if !self.follow || self.readers.is_empty() {
            return Ok(false);
        }
        let waiting = select_all(self.readers.iter().map(ShardReader::wait_async));
        tokio::select! {
            _ = waiting => Ok(true),
            () = self.pieces.closed() => Ok(false),
        }
    }

    /// False when enough is sent, or nobody listens any more.
    async fn send(&mut self, lines: &[String]) -> bool {
        let enough = usize::try_from(self.left).unwrap_or(usize::MAX).min(lines.len());
        self.left -= enough as u64;
        let sent = lines.get(..enough).unwrap_or_default().concat();
        let sent = sent.is_empty() || self.pieces.send(Ok(sent.into())).await.is_ok();
        sent && self.left > 0
    }
}
