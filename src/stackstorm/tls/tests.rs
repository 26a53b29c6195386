//! Certificates that a client believes.

use super::*;
use crate::{
    secret::Secret,
    stackstorm::{Client, Config, Credentials},
};
use rustls::{ServerConfig, ServerConnection, Stream};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::io::{Read, Write};
use url::Url;

/// Answers one request over TLS, with a certificate for 127.0.0.1 that vouches for itself.
fn serve_once(listener: &std::net::TcpListener) -> std::io::Result<()> {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("test-cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("test-key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
    let (mut socket, _) = listener.accept()?;
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut head = [0; 4096];
    let mut read = 0;
    while !head[..read].ends_with(b"\r\n\r\n") {
        read += stream.read(&mut head[read..])?;
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"version\":\"3.9.0\"}")?;
    stream.flush()
}

#[tokio::test]
async fn a_server_that_the_ca_file_vouches_for_is_spoken_to_and_no_other() {
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), include_str!("test-cert.pem")).unwrap();
    for trusted in [true, false] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let api_url = Url::parse(&format!("https://{}/v1", listener.local_addr().unwrap())).unwrap();
        let server = std::thread::spawn(move || serve_once(&listener));
        let client = Client::new(Config {
            api_url,
            credentials: Credentials::ApiKey(Secret::Value("k".into())),
            ca_file: trusted.then(|| ca.path().to_owned()),
            timeout: Config::TIMEOUT,
        });
        match client {
            Ok(client) => assert_eq!(client.ping().await.is_ok(), trusted),
            Err(error) => assert!(!trusted && matches!(error, BuildError::NoCertificates), "{error}"),
        }
        if trusted {
            server.join().unwrap().unwrap();
        }
    }
}

#[test]
fn a_ca_file_without_certificates_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for path in [file.path(), Path::new("/nonexistent/ca.pem")] {
        let error = crate::logging::chain(&client_config(Some(path), true).unwrap_err());
        assert!(
            error.starts_with("ST2_CA_FILE cannot be used: ") && error.contains(&path.display().to_string()),
            "{error}"
        );
    }
}

#[test]
fn plain_http_needs_no_certificates_and_no_installed_provider() {
    assert!(client_config(None, false).is_ok());
}
