//! TLS on the HTTP port: with a given certificate, or with one of our own.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use crate::config::Http;
use crate::data_folder::{DataFolder, write_durably};
use crate::error::{Error, Result};

/// The self-made certificate and its key, in the data folder.
const OWN_FILE: &str = "tls.pem";

/// Accepts TLS connections.
#[derive(Clone)]
pub(crate) struct Tls(TlsAcceptor);

impl Tls {
    /// Reads the certificate that the configuration names, or makes one.
    pub(crate) fn open(http: &Http, folder: &DataFolder) -> Result<Tls> {
        let (chain, key) = match http.tls_certificate.is_empty() {
            true => {
                let own = folder.join(OWN_FILE);
                if !own.exists() {
                    write_durably(&own, make_certificate(&http.hosts)?.as_bytes())?;
                }
                (own.clone(), own)
            }
            false => (http.tls_certificate.clone().into(), http.tls_key.clone().into()),
        };
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(tls_failed)?
            .with_no_client_auth()
            .with_single_cert(read_chain(&chain)?, read_key(&key)?);
        let mut config = config.map_err(tls_failed)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.0
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(path).and_then(|found| found.collect::<std::result::Result<Vec<_>, _>>());
    match read {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(Error::part("TLS", format!("{} holds no certificate in PEM form", path.display()))),
        Err(error) => Err(Error::part("TLS", format!("the certificate {}: {error}", path.display()))),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(path)
        .map_err(|error| Error::part("TLS", format!("the private key {}: {error}", path.display())))
}

/// A certificate and its key, signed by itself, for this machine and the names that the server answers to.
fn make_certificate(hosts: &str) -> Result<String> {
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let named = hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(own.into_iter().chain(named).collect::<Vec<_>>());
    let made = made.map_err(tls_failed)?;
    Ok(format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem()))
}

fn tls_failed(error: impl std::fmt::Display) -> Error {
    Error::part("TLS", error)
}
