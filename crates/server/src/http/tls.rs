//! TLS on the HTTP port: with a given certificate, or with one of our own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use crate::config::Http;
use crate::data_folder::{DataFolder, write_durably};
use crate::error::{Error, Result};

/// The self-made certificate, in the data folder: clients are given it to trust, so that anyone may read it.
const OWN_CERTIFICATE: &str = "tls.pem";
/// Its private key, which only the server's user may read.
const OWN_KEY: &str = "tls-key.pem";

/// Accepts TLS connections.
#[derive(Clone)]
pub(crate) struct Tls(TlsAcceptor);

impl Tls {
    /// Reads the certificate that the configuration names, or makes one.
    pub(crate) fn open(http: &Http, folder: &DataFolder) -> Result<Tls> {
        let (chain, key) = match http.tls_certificate.is_empty() {
            true => own(folder, &http.hosts)?,
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

/// The files of the self-made certificate and its key, which are made when they are first asked for.
fn own(folder: &DataFolder, hosts: &str) -> Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (folder.join(OWN_CERTIFICATE), folder.join(OWN_KEY));
    match fs::read_to_string(&certificate) {
        Ok(text) => part(&certificate, &text, &key)?,
        // Without a certificate a key is of no use: making both was broken off.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let made = make_certificate(hosts)?;
            write_durably(&key, made.key.as_bytes())?;
            publish(&certificate, &made.certificate)?;
        }
        Err(error) => return Err(Error::io("reading the certificate", &certificate, error)),
    }
    if !key.exists() {
        let (key, certificate) = (key.display(), certificate.display());
        let said = format!("{key} is missing; put it back, or remove {certificate} to have another certificate made");
        return Err(Error::part("TLS", said));
    }
    Ok((certificate, key))
}

/// Earlier versions kept the key behind the certificate in one file, which some clients can't read. It gets a file of its
/// own, which is there before it is taken out of the other.
fn part(certificate: &Path, text: &str, key: &Path) -> Result<()> {
    let keys = blocks(text, |label| label.ends_with("PRIVATE KEY"));
    if keys.is_empty() {
        return Ok(());
    }
    write_durably(key, keys.as_bytes())?;
    publish(certificate, &blocks(text, |label| label == "CERTIFICATE"))
}

/// Writes a file that anyone may read.
fn publish(path: &Path, text: &str) -> Result<()> {
    write_durably(path, text.as_bytes())?;
    let readable = fs::set_permissions(path, fs::Permissions::from_mode(0o644));
    readable.map_err(|error| Error::io("letting clients read", path, error))
}

/// The blocks of a PEM file that have such a label, as they stand there.
fn blocks(text: &str, wanted: impl Fn(&str) -> bool) -> String {
    let mut found = String::new();
    let mut within = false;
    for line in text.lines() {
        let label = |mark: &str| line.trim().strip_prefix(mark).and_then(|rest| rest.strip_suffix("-----"));
        within |= label("-----BEGIN ").is_some_and(&wanted);
        if within {
            found.push_str(line.trim());
            found.push('\n');
        }
        within &= label("-----END ").is_none();
    }
    found
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

/// What was made, in PEM form.
struct Made {
    certificate: String,
    key: String,
}

/// A certificate and its key, signed by itself, for this machine and the names that the server answers to.
fn make_certificate(hosts: &str) -> Result<Made> {
    let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let named = hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(own.into_iter().chain(named).collect::<Vec<_>>());
    let made = made.map_err(tls_failed)?;
    Ok(Made { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() })
}

fn tls_failed(error: impl std::fmt::Display) -> Error {
    Error::part("TLS", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn opened(folder: &Path) -> (DataFolder, PathBuf, PathBuf) {
        let data = DataFolder::open(folder).unwrap();
        Tls::open(&Http::default(), &data).unwrap();
        let (certificate, key) = (data.join(OWN_CERTIFICATE), data.join(OWN_KEY));
        (data, certificate, key)
    }

    #[test]
    fn the_certificate_stands_alone_and_the_key_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let (data, certificate, key) = opened(folder.path());
        let text = fs::read_to_string(&certificate).unwrap();
        assert!(text.starts_with("-----BEGIN CERTIFICATE-----") && !text.contains("PRIVATE"), "{text}");
        assert_eq!((mode(&certificate), mode(&key)), (0o644, 0o600));
        drop(data);
        // It stays the same.
        assert_eq!(fs::read_to_string(opened(folder.path()).1).unwrap(), text);
    }

    #[test]
    fn a_file_of_an_earlier_version_is_parted_also_after_a_crash_in_between() {
        let made = make_certificate("").unwrap();
        for key_is_there in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let data = DataFolder::open(folder.path()).unwrap();
            write_durably(&data.join(OWN_CERTIFICATE), format!("{}{}", made.certificate, made.key).as_bytes()).unwrap();
            if key_is_there {
                write_durably(&data.join(OWN_KEY), made.key.as_bytes()).unwrap();
            }
            drop(data);
            let (_data, certificate, key) = opened(folder.path());
            let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(lines(&fs::read_to_string(&certificate).unwrap()), lines(&made.certificate));
            assert_eq!(lines(&fs::read_to_string(&key).unwrap()), lines(&made.key));
            assert_eq!((mode(&certificate), mode(&key)), (0o644, 0o600));
        }
    }

    #[test]
    fn a_key_without_a_certificate_is_made_anew_and_a_certificate_without_a_key_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (data, certificate, key) = opened(folder.path());
        drop(data);
        fs::remove_file(&certificate).unwrap();
        drop(opened(folder.path()).0);
        fs::remove_file(&key).unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let said = Tls::open(&Http::default(), &data).unwrap_err().to_string();
        assert!(said.contains("tls-key.pem is missing; put it back, or remove"), "{said}");
    }
}
