//! The gateway on a free port of its own, and Python programs that use it.

// Not every test file uses all of it.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tempfile::TempDir;
use tidemill_aws_api::access::AccessKeys;
use tidemill_aws_api::kinesis::{Kinesis, Settings};
use tidemill_aws_api::{Gateway, Reply};
use tidemill_streams::{Options, StreamConfig, Streams};
use tokio::net::TcpListener;

/// A running gateway over a folder of its own.
pub struct Running {
    pub address: SocketAddr,
    pub streams: Streams,
    pub keys: AccessKeys,
    kinesis: Kinesis,
    _runtime: tokio::runtime::Runtime,
    folder: TempDir,
}

/// A stream that belongs to somebody else.
pub const RESERVED: &str = "reserved";

impl Running {
    pub fn start(settings: Settings) -> Running {
        Running::open(tempfile::tempdir().unwrap(), settings)
    }

    /// Stopped and started again over the same folder.
    pub fn again(self, settings: Settings) -> Running {
        let Running { streams, kinesis, _runtime, folder, .. } = self;
        kinesis.stop();
        drop((kinesis, _runtime));
        streams.close();
        drop(streams);
        Running::open(folder, settings)
    }

    fn open(folder: TempDir, mut settings: Settings) -> Running {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let options = Options { shards_max: 10_000, ..Options::default() };
        let streams = Streams::open(folder.path().join("streams"), options).unwrap();
        if streams.get(RESERVED).is_err() {
            streams.create(RESERVED, StreamConfig::default()).unwrap();
        }
        settings.reserved = vec![RESERVED.into()];
        let account = settings.account.clone();
        let _in_runtime = runtime.enter();
        let kinesis = Kinesis::open(streams.clone(), &folder.path().join("kinesis"), settings).unwrap();
        let keys = AccessKeys::open(&folder.path().join("access-keys.json")).unwrap();
        let gateway = Arc::new(Gateway::new(vec![Arc::new(kinesis.clone())], keys.clone(), true, &account));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, gateway));
        drop(_in_runtime);
        Running { address, streams, keys, kinesis, _runtime: runtime, folder }
    }

    /// Runs a Python program of this folder with the endpoint as its argument; what it prints is shown when it fails.
    pub fn python(&self, program: &str, more: &[&str]) {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boto3").join(program);
        let url = format!("http://{}", self.address);
        let run = Command::new(python()).arg("-u").arg(&program).arg(&url).args(more).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success(), "{}: {}\n{out}\n{err}", program.display(), run.status);
        println!("{out}");
    }
}

/// The interpreter that has boto3; installed once.
pub fn python() -> PathBuf {
    static PYTHON: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut python = PYTHON.lock().unwrap();
    if let Some(found) = &*python {
        return found.clone();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/services/pypi.sh");
    let run = Command::new(script).arg("boto3").output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    python.insert(String::from_utf8(run.stdout).unwrap().trim().into()).clone()
}

async fn serve(listener: TcpListener, gateway: Arc<Gateway>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let gateway = gateway.clone();
        let service = service_fn(move |request| {
            let gateway = gateway.clone();
            async move { Ok::<_, std::convert::Infallible>(answer(&gateway, request).await) }
        });
        tokio::spawn(async move {
            let mut first = [0; 3];
            let _ = stream.peek(&mut first).await;
            let stream = TokioIo::new(stream);
            let _ = match &first {
                b"PRI" => {
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                        .serve_connection(stream, service)
                        .await
                }
                _ => hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await,
            };
        });
    }
}

type Body = Either<
    Full<Bytes>,
    StreamBody<futures::stream::BoxStream<'static, Result<Frame<Bytes>, std::convert::Infallible>>>,
>;

async fn answer(gateway: &Gateway, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    gateway.answer(&head, body).await.map(|reply| match reply {
        Reply::Whole(bytes) => Either::Left(Full::new(bytes)),
        Reply::Parts(parts) => Either::Right(StreamBody::new(parts.map(|part| Ok(Frame::data(part))).boxed())),
    })
}
