//! `st2-stand-in`: the stand-in as a program of its own, until SIGTERM or SIGINT.

use clap::Parser;
use st2_stand_in::{Arguments, StandIn};
use std::io::Write;
use tokio::signal::unix::{SignalKind, signal};

/// A stand-in for a StackStorm 3.9.0 server.
#[derive(Debug, Parser)]
#[command(name = "st2-stand-in", version)]
struct Program {
    #[command(flatten)]
    arguments: Arguments,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    env_logger::Builder::new().parse_filters("info").init();
    let mut terminate = signal(SignalKind::terminate())?;
    let server = StandIn::start(&Program::parse().arguments.into())?;
    // A reader that has gone ends the program with an error, where `println!` would panic.
    writeln!(std::io::stdout(), "{}", server.settings())?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    server.stop().await;
    Ok(())
}
