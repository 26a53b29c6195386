//! Hosts with another time of day, by libfaketime. The monotonic clock goes as every host's does.

use super::process::{Process, Running};
use std::path::PathBuf;

/// In the directory of the process: how far the clock is off.
const FILE: &str = "clock";

fn library() -> PathBuf {
    let mut found = Vec::new();
    for directory in std::fs::read_dir("/usr/lib").expect("/usr/lib").flatten() {
        found.push(directory.path().join("faketime/libfaketimeMT.so.1"));
    }
    found.retain(|path| path.exists());
    found.pop().expect("libfaketime; `tests/services.sh install` installs it")
}

impl Process {
    /// On a host whose clock differs by so much: `+300s`.
    pub fn clock(self, offset: &str) -> Self {
        self.file(FILE, offset)
            .variable("FAKETIME_TIMESTAMP_FILE", FILE)
            .variable("FAKETIME_CACHE_DURATION", "1")
            .variable("LD_PRELOAD", library().display().to_string())
            .variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            // It is shared with children, which there are not; a killed process would leave it behind.
            .variable("FAKETIME_DISABLE_SHM", "1")
    }
}

impl Running {
    /// The clock of its host steps within a second. It must have been started with [`Process::clock`].
    pub fn step_clock(&self, offset: &str) {
        // Renamed, because a reader of an empty file would see the right time.
        let next = self.directory().join("next");
        std::fs::write(&next, offset).expect("a file");
        std::fs::rename(&next, self.directory().join(FILE)).expect("a clock");
    }
}
