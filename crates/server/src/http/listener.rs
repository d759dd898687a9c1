//! Accepts connections and serves HTTP on them until told to stop.
//!
//! One port for all: a connection's first bytes tell TLS, HTTP/2 with prior knowledge and HTTP/1.1 apart.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::server::TlsStream;

use super::Tls;
use super::timer::ConnectionTimer;
use crate::config::Http;
use crate::error::{Error, Result};

/// What a connection beyond the limit hears.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\nconnection: close\r\n\r\n";
/// How long a stop waits for requests that have begun.
const STOP_WAIT: Duration = Duration::from_secs(5);
/// Pause after `accept` failed, as it does when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Pause between two looks at a connection's first bytes that came one by one.
const PEEK_PAUSE: Duration = Duration::from_millis(2);
/// Requests of one HTTP/2 connection at once.
const HTTP2_STREAMS_MAX: u32 = 256;

/// An answer being made.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// Answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Makes the answer; the future may wait.
    fn handle(&self, request: Request<Incoming>, peer: IpAddr) -> Answer;
}

/// How many connections are open.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenConnections(Arc<AtomicUsize>);

impl OpenConnections {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn enter(&self, max: usize) -> Option<Open> {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        let open = Open(self.clone());
        (before < max).then_some(open)
    }
}

/// One open connection; counted until dropped.
struct Open(OpenConnections);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A bound port that doesn't answer yet.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Binds the port; in use is an error at once.
    pub(crate) async fn bind(http: &Http) -> Result<Listener> {
        let address = match http.listen.parse() {
            Ok(ip) => SocketAddr::new(ip, http.port),
            Err(_) => return Err(Error::config("http.listen", format!("is {:?}", http.listen), "give an IP address")),
        };
        let failed = |error| Error::Listen { address: address.to_string(), error };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Listener { socket, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` becomes true, then lets begun requests end.
    pub(crate) async fn serve<H: Handler>(
        self,
        handler: Arc<H>,
        tls: Tls,
        limits: Http,
        open: OpenConnections,
        mut stop: watch::Receiver<bool>,
    ) {
        let protocols = Protocols::new(&limits, tls);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let _ = stream.set_nodelay(true);
                        match open.enter(limits.connections_max) {
                            Some(place) => {
                                let connection = serve_one(protocols.clone(), stream, peer, handler.clone(), stop.clone());
                                connections.spawn(async move {
                                    connection.await;
                                    drop(place);
                                });
                            }
                            None => refuse(stream).await,
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "can't accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                () = stopped(&mut stop) => break,
            }
        }
        drop(self.socket);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WAIT, all).await.is_err() {
            tracing::warn!(open = open.count(), "closing connections whose requests don't end");
        }
    }
}

/// What a connection may speak.
#[derive(Clone)]
struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    tls: Tls,
    patience: Duration,
}

/// What a connection's first bytes say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoken {
    Http1,
    Http2,
    Tls,
}

impl Protocols {
    fn new(limits: &Http, tls: Tls) -> Self {
        let patience = Duration::from_millis(limits.head_timeout_ms);
        let mut http1 = http1::Builder::new();
        http1.header_read_timeout(patience).max_buf_size(limits.head_bytes_max).pipeline_flush(true);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(HTTP2_STREAMS_MAX)
            .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
            .keep_alive_interval(patience)
            .keep_alive_timeout(patience);
        Protocols { http1, http2, tls, patience }
    }
}

/// How HTTP/2 begins (RFC 9113, section 3.4); no method of HTTP/1.1 does.
const PREFACE: &[u8] = b"PRI";

/// Looks at the first bytes without taking them.
async fn spoken(stream: &TcpStream) -> Spoken {
    const HANDSHAKE: u8 = 0x16;
    let mut first = [0; 3];
    loop {
        match stream.peek(&mut first).await {
            Ok(3) if first == PREFACE => return Spoken::Http2,
            Ok(read) if read > 0 && first.first() == Some(&HANDSHAKE) => return Spoken::Tls,
            Ok(read) if (1..3).contains(&read) && first.get(..read) == PREFACE.get(..read) => {
                tokio::time::sleep(PEEK_PAUSE).await;
            }
            _ => return Spoken::Http1,
        }
    }
}

async fn serve_one<H: Handler>(
    protocols: Protocols,
    stream: TcpStream,
    peer: SocketAddr,
    handler: Arc<H>,
    mut stop: watch::Receiver<bool>,
) {
    let spoken = tokio::select! {
        // What says nothing in time is closed as HTTP/1.1 does it.
        spoken = tokio::time::timeout(protocols.patience, spoken(&stream)) => spoken,
        () = stopped(&mut stop) => return,
    };
    let Ok(spoken) = spoken else { return };
    if spoken != Spoken::Tls {
        return serve_http(&protocols, stream, spoken, peer, handler, stop).await;
    }
    match tokio::time::timeout(protocols.patience, spoken_in_tls(&protocols.tls, stream)).await {
        Ok(Ok((stream, spoken))) => serve_http(&protocols, stream, spoken, peer, handler, stop).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS connection came about"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}

/// What is spoken inside TLS: what ALPN agreed on. Clients without ALPN may begin HTTP/2 all the same, as the Java SDK does.
async fn spoken_in_tls(tls: &Tls, stream: TcpStream) -> io::Result<(BufReader<TlsStream<TcpStream>>, Spoken)> {
    let stream = tls.acceptor().accept(stream).await?;
    let agreed = stream.get_ref().1.alpn_protocol().map(|protocol| protocol == b"h2");
    let mut stream = BufReader::with_capacity(PREFACE.len(), stream);
    let http2 = match agreed {
        Some(http2) => http2,
        // A client writes how it begins in one piece.
        None => stream.fill_buf().await? == PREFACE,
    };
    Ok((stream, if http2 { Spoken::Http2 } else { Spoken::Http1 }))
}

async fn serve_http<H: Handler, S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    protocols: &Protocols,
    stream: S,
    spoken: Spoken,
    peer: SocketAddr,
    handler: Arc<H>,
    mut stop: watch::Receiver<bool>,
) {
    let ip = peer.ip().to_canonical();
    let service = service_fn(move |request| {
        let answer = handler.handle(request, ip);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    /// Serves until the connection ends, or the server stops.
    macro_rules! serve {
        ($connection:expr) => {{
            let mut connection = std::pin::pin!($connection);
            tokio::select! {
                outcome = connection.as_mut() => outcome,
                () = stopped(&mut stop) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }};
    }
    let stream = TokioIo::new(stream);
    let outcome = match spoken {
        Spoken::Http2 => serve!(protocols.http2.serve_connection(stream, service)),
        _ => serve!(protocols.http1.clone().timer(ConnectionTimer::default()).serve_connection(stream, service)),
    };
    if let Err(error) = outcome {
        // A browser that goes away, a head that never ends: of no interest one by one.
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// Ready when the server stops (or is gone).
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn refuse(mut stream: TcpStream) {
    // The socket's send buffer is empty: this doesn't wait.
    let _ = stream.write_all(TOO_MANY).await;
    let _ = stream.shutdown().await;
}
