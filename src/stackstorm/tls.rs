//! TLS for StackStorm behind https.
//!
//! The configuration is made here and handed over whole, because reqwest without a built-in provider panics when the
//! process has installed none; and because `ST2_CA_FILE` replaces the system's CAs, as `--cacert` does for curl.

use super::error::BuildError;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::{path::Path, sync::Arc};

/// The TLS configuration; `needed` is false when no URL is https, and then no certificate is looked for.
pub(super) fn client_config(ca_file: Option<&Path>, needed: bool) -> Result<ClientConfig, BuildError> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(path) => add_file(&mut roots, path)?,
        None if needed => add_system(&mut roots),
        None => {}
    }
    if needed && roots.is_empty() {
        return Err(BuildError::NoCertificates);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), BuildError> {
    let unreadable = |source| BuildError::CaFile { path: path.to_owned(), source };
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?)?;
    }
    if roots.is_empty() {
        return Err(unreadable(rustls_pki_types::pem::Error::NoItemsFound));
    }
    Ok(())
}

/// A store usually holds a few certificates that cannot be used; the others count.
fn add_system(roots: &mut RootCertStore) {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::warn!("a system CA certificate cannot be read: {error}");
    }
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    log::debug!(added, ignored; "system CA certificates read for StackStorm");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_certificates_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = client_config(Some(file.path()), true).unwrap_err();
        assert!(matches!(&error, BuildError::CaFile { path, .. } if path == file.path()), "{error}");
        let missing = client_config(Some(Path::new("/nonexistent/ca.pem")), false).unwrap_err();
        assert!(missing.to_string().contains("/nonexistent/ca.pem"));
    }

    #[test]
    fn plain_http_needs_no_certificates_and_no_installed_provider() {
        assert!(client_config(None, false).is_ok());
    }
}
