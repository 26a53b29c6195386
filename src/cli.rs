//! The commands, one file each; this file lists them and starts what all of them need.

mod alerts;
mod config;
#[cfg(feature = "demo")]
mod demo;
mod dispatcher;
mod doctor;
mod effect;
mod failed;
mod guards;
mod history;
mod ingest;
pub(crate) mod live_story;
pub(crate) mod local_time;
mod migrate;
mod moment;
pub(crate) mod operator_name;
mod orders;
mod packaging;
mod pause;
pub mod print;
mod probe;
mod prune;
mod release;
pub(crate) mod replay;
mod restored;
mod routes;
mod selection;
mod send_test;
#[cfg(feature = "demo")]
mod stand_in;
mod standalone;
mod stats;
mod story;
mod table;
mod tracker;
mod watch;

use crate::{
    config::{DotenvError, Settings},
    descriptors, logging,
};
use anyhow::Context;
use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    builder::{OsStr, Resettable},
    error::{ContextKind, ContextValue},
};
use std::{process::ExitCode, time::Duration};

/// A durable, tracked layer between Alertmanager and StackStorm.
#[derive(Debug, Parser)]
#[command(name = "poundcake", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Accept Alertmanager webhooks, store them and publish them
    Ingest(WithSettings),
    /// Consume messages, trigger StackStorm and link executions to alerts
    Dispatcher(WithSettings),
    /// Follow executions until they end, and keep StackStorm's tables in SQL
    Tracker(WithSettings),
    /// Everything in one process, on SQLite and an in-process queue by default
    Standalone(standalone::Standalone),
    /// Create or update the schema, show its status, migrate an older installation
    Migrate(migrate::Migrate),
    /// Show everything about a request, a fingerprint, an alert or an execution
    History(history::Show),
    /// List alerts, newest first
    Alerts(alerts::Alerts),
    /// Show statistics of executions, per workflow and per day
    Stats(stats::Show),
    /// List failed alerts, newest first: the same as `alerts --dispatch-status failed`
    Failed(failed::Failed),
    /// Run failed or skipped alerts again
    Replay(crate::cli::replay::Replay),
    /// Skip alerts that are waiting or have failed
    Discard(crate::cli::replay::Discard),
    /// Let alerts that a brake, a cooldown or a limit holds pass brake and cooldown
    Release(release::Release),
    /// Let alerts start that await an approval
    Approve(release::Approve),
    /// Skip alerts that await an approval
    Reject(release::Reject),
    /// Delay every start, the starts of a route, or those for some labels
    Pause(pause::Pause),
    /// End a pause
    Resume(pause::Resume),
    /// Show what guards hold and count, and the pauses in force
    Guards(guards::Guards),
    /// List the orders of operators, newest first
    Orders(orders::Orders),
    /// Delete settled history
    Prune(prune::Prune),
    /// After a database was restored from a backup: pause everything, and read back what StackStorm ran since
    Restored(restored::Restored),
    /// Ask a process on this machine whether it is ready
    Probe(probe::Probe),
    /// Check the whole installation, and say what to do
    Doctor(doctor::Doctor),
    /// Show the effective settings, with secrets masked
    Config(WithSettings),
    /// Show how the routes handle an alert
    Routes(routes::Routes),
    /// Send one alert through the configured ingest and wait for its execution
    SendTest(send_test::SendTest),
    /// Write man pages and shell completions, for a package
    #[command(hide = true)]
    Packaging(packaging::Packaging),
    /// Run the main job on a temporary SQLite file and a StackStorm stand-in
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
    /// Run the StackStorm stand-in alone
    #[cfg(feature = "demo")]
    StandIn(stand_in::StandIn),
}

/// A command without flags of its own.
#[derive(Debug, clap::Args)]
struct WithSettings {
    #[command(flatten)]
    settings: Settings,
}

/// How long blocking calls may take at the very end.
const SHUTDOWN: Duration = Duration::from_secs(2);

impl Cli {
    /// Reads the command line and the environment; ends the process with a message where they cannot be used.
    pub fn read() -> Self {
        let matches = command().try_get_matches().unwrap_or_else(|error| without_credentials(error).exit());
        Self::from_arg_matches(&matches)
            .unwrap_or_else(|error| without_credentials(error.format(&mut command())).exit())
    }

    /// Runs the command to its end. A `.env` file that could not be used stops every command that reads settings.
    pub fn run(self, dotenv: Result<(), DotenvError>) -> anyhow::Result<ExitCode> {
        if self.command.reads_settings() {
            dotenv?;
        }
        descriptors::raise_limit();
        // One provider for the whole process; a second call (tests) finds it set.
        drop(rustls::crypto::ring::default_provider().install_default());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
        let done = runtime.block_on(self.command.run());
        // A database that never answers must not hold the process: dropping the runtime would wait for its threads.
        runtime.shutdown_timeout(SHUTDOWN);
        print::quietly(done)
    }
}

/// The message repeats a value that cannot be used: of a URL without its credentials.
fn without_credentials(mut error: clap::Error) -> clap::Error {
    let context =
        |kind| error.get(kind).and_then(|value| if let ContextValue::String(text) = value { Some(text) } else { None });
    let of_a_url = context(ContextKind::InvalidArg).is_some_and(|name| name.contains("_URL>"));
    if let Some(value) = context(ContextKind::InvalidValue).filter(|_| of_a_url) {
        let shown = crate::config::without_credentials(value);
        error.insert(ContextKind::InvalidValue, ContextValue::String(shown));
    }
    error
}

impl Command {
    /// False for those that nothing of the environment changes.
    fn reads_settings(&self) -> bool {
        match self {
            Self::Packaging(_) => false,
            #[cfg(feature = "demo")]
            Self::Demo(_) | Self::StandIn(_) => false,
            _ => true,
        }
    }

    async fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Ingest(WithSettings { settings }) => ingest::run(started(settings)).await,
            Self::Dispatcher(WithSettings { settings }) => dispatcher::run(started(settings)).await,
            Self::Tracker(WithSettings { settings }) => tracker::run(started(settings)).await,
            Self::Standalone(command) => command.run().await,
            Self::Migrate(command) => command.run().await,
            Self::History(command) => command.run().await,
            Self::Alerts(command) => command.run().await,
            Self::Stats(command) => command.run().await,
            Self::Failed(command) => command.run().await,
            Self::Replay(command) => command.run().await,
            Self::Discard(command) => command.run().await,
            Self::Release(command) => command.run().await,
            Self::Approve(command) => command.run().await,
            Self::Reject(command) => command.run().await,
            Self::Pause(command) => command.run().await,
            Self::Resume(command) => command.run().await,
            Self::Guards(command) => command.run().await,
            Self::Orders(command) => command.run().await,
            Self::Prune(command) => command.run().await,
            Self::Restored(command) => command.run().await,
            Self::Probe(command) => command.run().await,
            Self::Doctor(command) => command.run().await,
            Self::Config(WithSettings { settings }) => {
                started(settings);
                config::run()
            }
            Self::Routes(command) => command.run().await,
            Self::SendTest(command) => command.run().await,
            Self::Packaging(command) => command.run(),
            #[cfg(feature = "demo")]
            Self::Demo(command) => command.run().await,
            #[cfg(feature = "demo")]
            Self::StandIn(command) => command.run().await,
        }
    }
}

/// Starts logging, and warns of variables that are no settings.
fn started(settings: Settings) -> Settings {
    logging::init(settings.log.log_format, &settings.log.rust_log);
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let set = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    for (name, nearest) in crate::config::unknown_variables(&settings_command(), set) {
        match nearest {
            Some(nearest) => log::warn!(
                event = "unknown_variable";
                "{name} is not a setting of PoundCake and is ignored; did you mean {nearest}?"
            ),
            None => log::warn!(event = "unknown_variable"; "{name} is not a setting of PoundCake and is ignored"),
        }
    }
    settings
}

/// The command line, with messages that name the variable, not only the flag.
fn command() -> clap::Command {
    by_variable(Cli::command())
}

fn by_variable(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| match arg.get_env().map(|name| name.to_string_lossy().into_owned()) {
        Some(name) if is_left_empty(&name) => arg.value_name(name).env(Resettable::Reset::<OsStr>),
        Some(name) => arg.value_name(name),
        None => arg,
    });
    command.mut_subcommands(by_variable)
}

/// Compose's `${X:-}` and a bare `X=` of an `.env` set an empty text where nothing is meant. `POUNDCAKE_MUTE` is the
/// exception: empty mutes nothing.
fn is_left_empty(name: &str) -> bool {
    name != "POUNDCAKE_MUTE" && std::env::var_os(name).is_some_and(|value| value.is_empty())
}

/// A command that has exactly the settings as its arguments.
fn settings_command() -> clap::Command {
    Cli::command().find_subcommand("config").cloned().unwrap_or_default()
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_settings_of_every_command_are_found() {
        assert!(crate::config::variable_names(&settings_command()).len() > 30);
    }
}
