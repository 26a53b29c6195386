//! The name of the user of this terminal, for the rows' `dispatch_log`.

use std::os::unix::fs::MetadataExt;

/// `user@host`, as far as the system tells. It is a record, not a proof: anyone with the database's password may claim
/// any name.
pub(super) fn user_and_host() -> String {
    format!("{}@{}", user(), crate::hostname::read())
}

fn user() -> String {
    let named = ["USER", "LOGNAME"].iter().filter_map(std::env::var_os).map(|name| name.to_string_lossy().into_owned());
    let uid = || match std::fs::metadata("/proc/self") {
        Ok(process) => format!("uid {}", process.uid()),
        Err(_) => "unknown".to_owned(),
    };
    named.into_iter().find(|name| !name.is_empty()).unwrap_or_else(uid)
}
