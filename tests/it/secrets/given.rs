//! Settings with canaries, for all commands.

use super::canary::{CARRIERS, Carries, canary};
use crate::harness::{Process, Running, SOON, eventually};
use clap::CommandFactory;
use poundcake::cli::Cli;
use std::path::Path;

/// The names of all commands that read settings.
pub fn commands() -> Vec<String> {
    let reads = |command: &&clap::Command| command.get_arguments().any(|arg| arg.get_id() == "database_url");
    let with = |command: &&clap::Command| reads(command) || command.get_subcommands().any(|one| reads(&one));
    Cli::command().get_subcommands().filter(with).map(|command| command.get_name().to_owned()).collect()
}

/// A command on servers that are not there.
pub fn usable(command: &str, database: &str) -> Process {
    Process::poundcake(command)
        .variable("RUST_LOG", "debug")
        .variable("DATABASE_URL", database)
        .variable("AMQP_URL", format!("amqp://pc:{}@127.0.0.1:1/%2f", canary("AMQP_URL")))
        .variable("ST2_API_URL", "http://127.0.0.1:1/v1")
        .variable("ST2_API_KEY", canary("ST2_API_KEY"))
}

/// What a setting that carries a secret may wrongly say: each has the canary in it.
pub fn unusable(name: &str, carries: Carries) -> Vec<String> {
    let secret = canary(name);
    match carries {
        Carries::Url => vec![
            secret.clone(),
            format!("pc:{secret}@db/pc"),
            format!("postgres://pc:{secret}@db/pc"),
            format!("mysql://pc:{secret}@db:99999/pc"),
            format!("mysql://pc:{secret}@[db/pc"),
            format!("mysql://pc:12/{secret}@db/pc"),
            format!("mysql://pc:{secret}@127.0.0.1:1/pc?ssl_mode=perhaps"),
            format!("mysql://pc:{secret}@no.such.host.invalid/pc"),
            format!("amqp://pc:{secret}@no.such.host.invalid/%2f"),
            format!("amqp://pc:{secret}@127.0.0.1:1/%2f"),
        ],
        Carries::UrlWithoutUser => vec![
            format!("http://pc:{secret}@st2.invalid/v1"),
            format!("http://{secret}@st2.invalid/v1"),
            format!("http://pc:{secret}@[st2/v1"),
            format!("http://pc:{secret}@st2:99999/v1"),
            format!("ftp://pc:{secret}@st2/v1"),
            format!("pc:{secret}@st2/v1"),
        ],
        Carries::Text => vec![format!("{secret}\u{e9}\u{1f525}"), format!("{secret}\nx")],
        Carries::FileOf(_) => unreachable!("a file is read as its setting is"),
        Carries::Tokens => {
            vec![secret.clone(), format!(":{secret}"), format!("a b:{secret}"), format!("a:{secret} {secret}")]
        }
        Carries::Key => vec![
            secret.clone(),
            format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n"),
            format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{secret}\n-----END ENCRYPTED PRIVATE KEY-----\n"),
            format!("-----BEGIN PRIVATE KEY-----\n{secret}\n"),
        ],
        Carries::Routes => vec![format!(
            "routes: [{{name: r, match: 'a=b', action: remediation.secretive, parameters: {{token: {secret}, password: {secret}}}}}]"
        )],
    }
}

/// A variable, and the file that it names if it names one.
pub fn spoiled(process: Process, directory: &Path, name: &str, text: &str) -> Process {
    let (_, carries) = CARRIERS.iter().find(|(known, _)| *known == name).expect("a setting that carries a secret");
    if matches!(carries, Carries::Url | Carries::UrlWithoutUser | Carries::Text) {
        return process.variable(name, text);
    }
    let path = directory.join(name);
    std::fs::write(&path, text).expect("a file");
    process.variable(name, path.display().to_string())
}

/// Waits until a process ended, or says that it waits or listens: what it does next shows nothing new.
pub async fn until_it_has_spoken(process: &Running) {
    eventually("the process ended, waits or listens", SOON, async || {
        let log = process.output("stderr");
        let spoke =
            ["_waiting", "listening", "tokens_unusable", "file_unusable"].iter().any(|event| log.contains(event));
        if process.has_ended() || spoke { Ok(()) } else { Err(log) }
    })
    .await;
}
