//! `poundcake config`: the effective settings, from the same definitions that read them.

use super::{command, print, settings_command};
use crate::config::effective;
use std::process::ExitCode;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let matches = command().try_get_matches()?;
    let Some(("config", matches)) = matches.subcommand() else { anyhow::bail!("not the config command") };
    for setting in effective(&settings_command(), matches) {
        let value = setting.value.unwrap_or_default();
        print::line(format_args!("{}={value}  # {}", setting.name, setting.source))?;
    }
    Ok(ExitCode::SUCCESS)
}
