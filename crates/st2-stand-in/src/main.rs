//! `st2-stand-in`: the stand-in as a program of its own, until SIGTERM or SIGINT.

use clap::Parser;
use st2_stand_in::{Options, StandIn};
use std::{io::Write, net::SocketAddr};
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
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    env_logger::Builder::new().parse_filters("info").init();
    let arguments = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let options = Options { listen: arguments.listen, ..Options::at_default_ports(&arguments.api_key) };
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
