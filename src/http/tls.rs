//! The server's certificate and key, read again when the content of their files changes: a renewed certificate needs no
//! restart. While the two files cannot be used (one is written before the other), the old certificate stays in force.

use prometheus::IntGauge;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often the files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A certificate or key that cannot be used; names the variable and the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No such file, not readable, no PEM, or nothing of the kind in it.
    #[error("{variable}={} holds no readable PEM {kind}", path.display())]
    Pem {
        /// The variable that names the file.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What was looked for.
        kind: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// The key is not the certificate's, or of a kind that is not supported.
    #[error("POUNDCAKE_TLS_CERT={} and POUNDCAKE_TLS_KEY={} do not belong together", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// TLS 1.2 and 1.3 without client certificates; the server adds ALPN for HTTP/2.
/// `unusable` is 1 while a changed certificate cannot be used.
pub(super) fn config(cert: &Path, key: &Path, unusable: IntGauge) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let certificate = Certificate::read(cert, key, &provider, unusable)?;
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|source| pair(cert, key, source))?;
    Ok(builder.with_no_client_auth().with_cert_resolver(Arc::new(certificate)))
}

/// The certificate in force.
#[derive(Debug)]
struct Certificate {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    unusable: IntGauge,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    current: Arc<CertifiedKey>,
    /// What the last look found in both files; `None` where one cannot be read.
    content: Option<Content>,
    looked_at: Instant,
}

/// Digests of certificate and key.
type Content = [[u8; 32]; 2];

impl Certificate {
    fn read(cert: &Path, key: &Path, provider: &Arc<CryptoProvider>, unusable: IntGauge) -> Result<Self, TlsError> {
        let content = content(cert, key).ok();
        let current = Arc::new(certified(cert, key, provider)?);
        let state = Mutex::new(State { current, content, looked_at: Instant::now() });
        Ok(Self { cert: cert.to_owned(), key: key.to_owned(), provider: Arc::clone(provider), unusable, state })
    }

    fn current(&self) -> Arc<CertifiedKey> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked_at.elapsed() >= LOOK_EVERY {
            state.looked_at = Instant::now();
            self.look(&mut state);
        }
        Arc::clone(&state.current)
    }

    fn look(&self, state: &mut State) {
        let content = content(&self.cert, &self.key).ok();
        if content == state.content {
            return;
        }
        state.content = content;
        match certified(&self.cert, &self.key, &self.provider) {
            Ok(certified) => {
                log::info!(event = "certificate_changed"; "the TLS certificate has changed; using the new one");
                state.current = Arc::new(certified);
                self.unusable.set(0);
            }
            Err(error) => {
                self.unusable.set(1);
                log::error!(
                    event = "certificate_unusable";
                    "{}; using the old certificate",
                    crate::logging::chain(&error)
                );
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

fn content(cert: &Path, key: &Path) -> io::Result<Content> {
    use sha2::{Digest, Sha256};
    Ok([Sha256::digest(std::fs::read(cert)?).into(), Sha256::digest(std::fs::read(key)?).into()])
}

fn certified(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = chain(cert).map_err(|source| TlsError::Pem {
        variable: "POUNDCAKE_TLS_CERT",
        path: cert.to_owned(),
        kind: "certificate",
        source,
    })?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|source| TlsError::Pem {
        variable: "POUNDCAKE_TLS_KEY",
        path: key.to_owned(),
        kind: "private key",
        source,
    })?;
    CertifiedKey::from_der(chain, private, provider).map_err(|source| pair(cert, key, source))
}

fn pair(cert: &Path, key: &Path, source: rustls::Error) -> TlsError {
    TlsError::Pair { cert: cert.to_owned(), key: key.to_owned(), source }
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let chain = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
    if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CERT: &str = include_str!("../stackstorm/tls/test-cert.pem");
    const KEY: &str = include_str!("../stackstorm/tls/test-key.pem");
    const OTHER_CERT: &str = include_str!("tls/renewed-cert.pem");
    const OTHER_KEY: &str = include_str!("tls/renewed-key.pem");

    #[test]
    fn a_renewed_certificate_is_in_force_whatever_its_files_times_and_half_of_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let (cert, key) = (directory.path().join("cert"), directory.path().join("key"));
        let write = |path: &Path, text: &str| {
            std::fs::write(path, text).unwrap();
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        };
        write(&cert, CERT);
        write(&key, KEY);
        let provider = Arc::new(ring::default_provider());
        let certificate = Certificate::read(&cert, &key, &provider, IntGauge::new("unusable", "-").unwrap()).unwrap();
        let now = || {
            let mut state = certificate.state.lock().unwrap();
            certificate.look(&mut state);
            Arc::clone(&state.current)
        };
        let old = now();
        write(&cert, OTHER_CERT);
        assert!(Arc::ptr_eq(&now(), &old), "the key is still the old one");
        assert_eq!(certificate.unusable.get(), 1);
        write(&key, OTHER_KEY);
        let new = now();
        assert_ne!(new.cert, old.cert);
        assert_eq!(certificate.unusable.get(), 0);
        assert!(Arc::ptr_eq(&now(), &new), "what has not changed is not read again");
        std::fs::remove_file(&key).unwrap();
        assert!(Arc::ptr_eq(&now(), &new));
        assert_eq!(certificate.unusable.get(), 1);
    }
}
