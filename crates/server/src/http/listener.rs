//! Accepts connections and serves HTTP/1.1 on them until told to stop.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

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
        limits: Http,
        open: OpenConnections,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut http = http1::Builder::new();
        http.header_read_timeout(Duration::from_millis(limits.head_timeout_ms))
            .max_buf_size(limits.head_bytes_max)
            .pipeline_flush(true);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let _ = stream.set_nodelay(true);
                        match open.enter(limits.connections_max) {
                            Some(place) => {
                                let connection = serve_one(&http, stream, peer, handler.clone(), stop.clone());
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

fn serve_one<H: Handler>(
    http: &http1::Builder,
    stream: TcpStream,
    peer: SocketAddr,
    handler: Arc<H>,
    mut stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<H> {
    let ip = peer.ip().to_canonical();
    let service = service_fn(move |request| {
        let answer = handler.handle(request, ip);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let connection = http.clone().timer(ConnectionTimer::default()).serve_connection(TokioIo::new(stream), service);
    async move {
        let mut connection = std::pin::pin!(connection);
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            // A browser that goes away, a head that never ends: of no interest one by one.
            tracing::debug!(%peer, %error, "connection ended");
        }
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
