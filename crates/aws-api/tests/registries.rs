//! Real clients of Confluent's and Glue's schema registries: Python programs in `registries`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tidemill_aws_api::access::AccessKeys;
use tidemill_aws_api::{Confluent, Gateway, Glue, Reply};
use tidemill_schemas::Registries;
use tokio::net::TcpListener;

/// Both faces of one registry on a free port.
struct Running {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
    _folder: tempfile::TempDir,
}

impl Running {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let registries = Arc::new(Registries::open(folder.path().join("schemas")).unwrap());
        let keys = AccessKeys::open(&folder.path().join("access-keys.json")).unwrap();
        let glue = Glue::new(registries.clone(), "000000000000", "us-east-1").unwrap();
        let faces =
            Arc::new((Gateway::new(vec![Arc::new(glue)], keys, true, "000000000000"), Confluent::new(registries)));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let faces = faces.clone();
                let service = service_fn(move |request| {
                    let faces = faces.clone();
                    async move { Ok::<_, Infallible>(answer(&faces.0, &faces.1, request).await) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(async move { http.serve_connection(TokioIo::new(stream), service).await });
            }
        });
        Running { address, _runtime: runtime, _folder: folder }
    }

    /// Runs a Python program with the server's address; what it prints is shown when it fails.
    #[track_caller]
    fn python(&self, program: &str) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let found = Command::new(folder.join("../../tests/services/pypi.sh")).arg("registry-clients").output().unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        let interpreter = String::from_utf8(found.stdout).unwrap();
        let program = folder.join("tests/registries").join(program);
        let url = format!("http://{}", self.address);
        let ran = Command::new(interpreter.trim()).arg("-u").arg(program).arg(url).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{}\n{out}\n{err}", ran.status);
    }
}

async fn answer(gateway: &Gateway, confluent: &Confluent, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    if head.uri.path() != "/" {
        return tokio::task::block_in_place(|| confluent.answer(&head.method, &head.uri, &body)).map(Full::new);
    }
    gateway.answer(&head, body).await.map(|reply| match reply {
        Reply::Whole(bytes) => Full::new(bytes),
        Reply::Parts(_) => Full::default(),
    })
}

#[test]
fn confluents_client_registers_looks_up_and_evolves() {
    Running::start().python("confluent.py");
}

#[test]
fn confluents_rest_protocol_has_its_codes() {
    Running::start().python("rest.py");
}

#[test]
fn boto3_does_every_operation_of_glues_registry() {
    Running::start().python("glue.py");
}

#[test]
fn every_member_of_every_operation_of_glue_may_be_junk() {
    Running::start().python("hostile.py");
}

#[test]
fn awss_serializers_register_and_evolve() {
    Running::start().python("serializers.py");
}
