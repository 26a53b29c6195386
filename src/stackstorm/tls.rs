//! TLS for StackStorm behind https.
//!
//! The configuration is made here and handed over whole, because reqwest without a built-in provider panics when the
//! process has installed none; and because `ST2_CA_FILE` replaces the system's CAs, as `--cacert` does for curl.

use super::error::BuildError;
use crate::trust::{self, TrustError};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::{path::Path, sync::Arc};

/// The TLS configuration; `needed` is false when no URL is https, and then no certificate is looked for.
pub(super) fn client_config(ca_file: Option<&Path>, needed: bool) -> Result<ClientConfig, BuildError> {
    if ca_file.is_some() && !needed {
        // The event stream alone may be https.
        log::warn!(
            event = "st2_not_encrypted";
            "ST2_CA_FILE is set, but ST2_API_URL is http://: calls to StackStorm are not encrypted"
        );
    }
    let roots = match ca_file {
        None if !needed => RootCertStore::empty(),
        ca_file => trust::roots(ca_file).map_err(|error| match error {
            TrustError::NoCertificates => BuildError::NoCertificates,
            source => BuildError::CaFile(source),
        })?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

#[cfg(test)]
mod tests;
