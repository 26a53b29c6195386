//! TLS for all rustls clients: trusted CAs and client certificates.
//!
//! A CA file replaces the system's CAs, as `--cacert` does for curl. Without one the system's store counts, where `SSL_CERT_FILE`
//! and `SSL_CERT_DIR` name another one.

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// Files of one client's TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM file of the CAs that are believed; without it the system's.
    pub ca: Option<PathBuf>,
    /// PEM file of our certificate, for servers that ask for one.
    pub cert: Option<PathBuf>,
    /// PEM file of its key.
    pub key: Option<PathBuf>,
}

/// TLS that cannot be set up; names the file.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// No such file, not readable, no PEM, or nothing of the kind in it.
    #[error("{} holds no readable PEM {kind}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        kind: &'static str,
        /// Why.
        source: pem::Error,
    },
    /// A CA certificate that rustls cannot use.
    #[error("{} holds a CA certificate that cannot be used", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// There is nothing to believe.
    #[error("the system has no CA certificates; install them (ca-certificates), or name a CA file")]
    NoCertificates,
    /// One of certificate and key is missing.
    #[error("a client certificate needs its key, and a key its certificate: name both files or none")]
    Half,
    /// rustls refuses; a key that is not the certificate's, for instance.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}

impl TlsFiles {
    /// Whether any file is named.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads every file that is named, so that a mistake is told at the start, by the file's name.
    pub fn check(&self) -> Result<(), TrustError> {
        if let Some(ca) = &self.ca {
            add_file(&mut RootCertStore::empty(), ca)?;
        }
        self.identity().map(drop)
    }

    /// TLS 1.2 and 1.3, the server's name always checked.
    pub fn client_config(&self) -> Result<ClientConfig, TrustError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots(self.ca.as_deref())?);
        Ok(match self.identity()? {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
            None => builder.with_no_client_auth(),
        })
    }

    fn identity(&self) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, TrustError> {
        let (cert, key) = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => (cert, key),
            (None, None) => return Ok(None),
            _ => return Err(TrustError::Half),
        };
        let key = PrivateKeyDer::from_pem_file(key).map_err(|source| unreadable(key, "private key", source))?;
        Ok(Some((certificates(cert)?, key)))
    }
}

/// `SSL_CERT_FILE`, which replaces the system's store: rustls-native-certs reads it itself, other libraries are told.
pub fn system_file() -> Option<PathBuf> {
    std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The CAs of a file, or the system's; never none.
pub fn roots(ca: Option<&Path>) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => add_file(&mut roots, path)?,
        None => add_system(&mut roots),
    }
    if roots.is_empty() { Err(TrustError::NoCertificates) } else { Ok(roots) }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TrustError> {
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|source| TrustError::Unusable { path: path.to_owned(), source })?;
    }
    Ok(())
}

/// A store usually holds a few certificates that cannot be used; the others count.
fn add_system(roots: &mut RootCertStore) {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::warn!(event = "system_ca_unreadable"; "could not read a system CA certificate: {error}");
    }
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    log::debug!(event = "system_ca_loaded", added, ignored; "loaded the system CA certificates");
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, pem::Error>>();
    let found = read().map_err(|source| unreadable(path, "certificate", source))?;
    if found.is_empty() { Err(unreadable(path, "certificate", pem::Error::NoItemsFound)) } else { Ok(found) }
}

fn unreadable(path: &Path, kind: &'static str, source: pem::Error) -> TrustError {
    TrustError::Unreadable { path: path.to_owned(), kind, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stackstorm/tls").join(name)
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for ca in [file.path(), Path::new("/nonexistent/ca.pem")] {
            let files = TlsFiles { ca: Some(ca.to_owned()), ..TlsFiles::default() };
            let error = files.check().unwrap_err().to_string();
            assert!(error.contains(&ca.display().to_string()) && error.contains("PEM certificate"), "{error}");
        }
    }

    #[test]
    fn certificate_and_key_come_together() {
        let half = TlsFiles { cert: Some(path("test-cert.pem")), ..TlsFiles::default() };
        assert!(matches!(half.check(), Err(TrustError::Half)));
        let key = Some(path("test-key.pem"));
        let whole = TlsFiles { ca: half.cert.clone(), cert: half.cert.clone(), key: key.clone() };
        assert!(whole.client_config().is_ok());
        let swapped = TlsFiles { ca: None, cert: key, key: half.cert };
        assert!(swapped.check().is_err());
    }
}
