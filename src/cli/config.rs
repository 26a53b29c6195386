//! `poundcake config`: the settings in force, from the same definitions that read them.

use super::{Cli, settings_command};
use crate::config::effective;
use clap::CommandFactory;
use std::process::ExitCode;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let matches = Cli::command().try_get_matches()?;
    let Some(("config", matches)) = matches.subcommand() else { anyhow::bail!("not the config command") };
    for setting in effective(&settings_command(), matches) {
        let value = setting.value.map_or_else(String::new, |value| value.clone());
        println!("{}={value}  # {}", setting.name, setting.source);
    }
    Ok(ExitCode::SUCCESS)
}
