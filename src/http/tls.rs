//! The server's certificate and key.

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

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
    #[error("POUNDCAKE_TLS_CERT={} and POUNDCAKE_TLS_KEY={} do not go together", cert.display(), key.display())]
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
pub(super) fn config(cert: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
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
    let pair = |source| TlsError::Pair { cert: cert.to_owned(), key: key.to_owned(), source };
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(pair)
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let chain = CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>()?;
    if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) }
}
