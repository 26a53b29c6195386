//! Certificates of a private CA, made by openssl for one test.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A CA and what it has signed, in files that are gone on drop.
#[derive(Debug)]
pub struct Certificates {
    directory: tempfile::TempDir,
}

impl Certificates {
    /// A CA that has signed a server's certificate for 127.0.0.1 and a client's.
    pub fn new() -> Self {
        let made = Self { directory: tempfile::tempdir().expect("a directory") };
        made.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca -keyout ca.key -out ca.pem");
        made.sign("server", "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
        made.sign("client", "extendedKeyUsage=clientAuth\n");
        made
    }

    fn sign(&self, name: &str, extensions: &str) {
        std::fs::write(self.directory.path().join("extensions"), extensions).expect("a file");
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -days 2 -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile extensions -out {name}.pem"
        ));
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.directory.path())
            .output()
            .expect("openssl");
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::join(self.directory.path(), name)
    }

    /// What vouches for the others.
    pub fn ca(&self) -> String {
        self.file("ca.pem").display().to_string()
    }

    /// `server` or `client`: its certificate.
    pub fn certificate(&self, name: &str) -> String {
        self.file(&format!("{name}.pem")).display().to_string()
    }

    /// Its key.
    pub fn key(&self, name: &str) -> String {
        self.file(&format!("{name}.key")).display().to_string()
    }
}
