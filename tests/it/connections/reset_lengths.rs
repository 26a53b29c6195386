//! The broken client library: a shared object that is loaded before the real one.

use std::{path::PathBuf, process::Command};

/// The built object, gone on drop.
pub(super) struct ResetLengths {
    directory: tempfile::TempDir,
}

impl ResetLengths {
    /// Compiled by the C compiler that Rust links with.
    pub(super) fn build() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/connections/reset_lengths.c");
        let flags = Command::new("pkg-config").args(["--cflags", "libmariadb"]).output().expect("pkg-config");
        let flags = String::from_utf8(flags.stdout).expect("words");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(directory.path().join("reset_lengths.so"))
            .args(flags.split_whitespace())
            .arg(source)
            .arg("-ldl")
            .output()
            .expect("a C compiler");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { directory }
    }

    /// What `LD_PRELOAD` takes.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("reset_lengths.so")
    }
}
