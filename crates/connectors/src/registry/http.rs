//! Requests to a registry. Decoders ask once for each schema, so each request has a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use rustls_native_certs::load_native_certs;
use serde_json::Value;
use tidemill_formats::LookupError;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::runtime;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 4 << 20;
const TIMEOUT: Duration = Duration::from_secs(10);

/// A server, and where on it a registry is.
#[derive(Clone)]
pub(super) struct Endpoint {
    host: String,
    port: u16,
    prefix: String,
    tls: Option<TlsConnector>,
}

/// What a registry said.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Endpoint {
    /// Of an `http://` or `https://` URL. Servers are trusted by the system's certificates and those of a file.
    pub(super) fn new(url: &str, ca_bundle: Option<&str>) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "it is no URL".to_owned())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("the URL has no host")?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("give the user as `schema.registry.user` and `schema.registry.password`".into());
        }
        let (tls, port) = match uri.scheme_str() {
            Some("https") => (Some(connector(ca_bundle)?), 443),
            Some("http") => (None, 80),
            _ => return Err("the URL must begin with http:// or https://".into()),
        };
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Endpoint { host: host.to_owned(), port: uri.port_u16().unwrap_or(port), prefix, tls })
    }

    /// The host and port, for headers and messages.
    pub(super) fn authority(&self) -> String {
        match (self.tls.is_some(), self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    /// The URL of a path.
    pub(super) fn url(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{}{path}", self.authority(), self.prefix)
    }

    /// The path behind the registry's own.
    pub(super) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Sends a request and waits for the answer, on whatever thread this is.
    pub(super) fn ask(&self, request: Request<Full<Bytes>>) -> Result<Answer, LookupError> {
        let unavailable = |said: String| LookupError::Unavailable(format!("{}: {said}", self.authority()));
        let this = self.clone();
        let asked = runtime::wait(async move { tokio::time::timeout(TIMEOUT, this.exchange(request)).await });
        match asked.map_err(unavailable)? {
            Ok(answer) => answer.map_err(unavailable),
            Err(_) => Err(unavailable(format!("no answer within {TIMEOUT:?}"))),
        }
    }

    async fn exchange(&self, mut request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let authority = self.authority().parse().map_err(|_| "its name is no host".to_owned())?;
        request.headers_mut().insert(HOST, authority);
        let host = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.port)).await.map_err(|error| error.to_string())?;
        let answer = match &self.tls {
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
                let stream = tls.connect(name, stream).await.map_err(|error| format!("TLS: {error}"))?;
                let (mut sender, connection) =
                    http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
                tokio::spawn(connection);
                sender.send_request(request).await
            }
            None => {
                let (mut sender, connection) =
                    http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
                tokio::spawn(connection);
                sender.send_request(request).await
            }
        };
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }
}

fn connector(ca_bundle: Option<&str>) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(load_native_certs().certs);
    if let Some(path) = ca_bundle {
        let failed = |error: &dyn std::fmt::Display| format!("`schema.registry.ca-bundle` {path}: {error}");
        let given = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
        for certificate in given {
            let certificate = certificate.map_err(|error| failed(&error))?;
            roots.add(certificate).map_err(|error| failed(&error))?;
        }
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
