//! `st2-stand-in`: the stand-in as a program of its own, until SIGTERM or SIGINT.

use clap::Parser;
use st2_stand_in::{Options, StandIn};
use std::{io::Write, net::SocketAddr, path::PathBuf};
use tokio::signal::unix::{SignalKind, signal};

/// A stand-in for a StackStorm 3.9.0 server.
#[derive(Debug, Parser)]
#[command(name = "st2-stand-in", version)]
struct Arguments {
    /// Where the API listens; auth is on the port below, the stream on the port above
    #[arg(long, default_value = "127.0.0.1:9101")]
    listen: SocketAddr,
    /// The API key that is accepted
    #[arg(long, default_value = "poundcake-demo-key")]
    api_key: String,
    /// A directory with a pack; repeat it for more. Default: the built-in pack `remediation`
    #[arg(long = "pack", value_name = "DIR")]
    packs: Vec<PathBuf>,
    /// Directory with the configuration of the packs, NAME.yaml each
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
    /// Python that runs the packs' Python actions
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    env_logger::Builder::new().parse_filters("info").init();
    let mut terminate = signal(SignalKind::terminate())?;
    let Arguments { listen, api_key, packs, configs, python } = Arguments::parse();
    let options = Options { listen, packs, configs, python, ..Options::at_default_ports(&api_key) };
    let server = StandIn::start(&options)?;
    let (api, auth, stream) = (server.api_url(), server.auth_url(), server.stream_url());
    // A reader that has gone ends the program with an error, where `println!` would panic.
    writeln!(std::io::stdout(), "ST2_API_URL={api}\nST2_AUTH_URL={auth}\nST2_STREAM_URL={stream}")?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    server.stop().await;
    Ok(())
}
