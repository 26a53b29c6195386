//! `poundcake stand-in`: the StackStorm stand-in alone, to try things without a StackStorm.

use super::print;
use crate::{
    logging::{self, LogFormat},
    shutdown,
};
use st2_stand_in::{Options, StandIn as Server};
use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

/// `poundcake stand-in`
#[derive(Debug, clap::Args)]
pub(super) struct StandIn {
    /// Listen address of the API; auth uses the port below, the stream the port above
    #[arg(long, default_value = "127.0.0.1:9101")]
    listen: SocketAddr,
    /// API key that clients must send
    #[arg(long, default_value = "poundcake-demo-key")]
    api_key: String,
    /// Directory of a pack to load; repeat it for several packs. Default: the built-in pack `remediation`
    #[arg(long = "pack", value_name = "DIR")]
    packs: Vec<PathBuf>,
    /// Directory with the configuration of the packs, NAME.yaml each
    #[arg(long, value_name = "DIR")]
    configs: Option<PathBuf>,
    /// Python that runs the packs' Python actions; it needs their requirements
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,
}

impl StandIn {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        logging::init(LogFormat::Text, "info");
        let stop = shutdown::on_signal()?;
        let Self { listen, api_key, packs, configs, python } = self;
        let options = Options { listen, packs, configs, python, ..Options::at_default_ports(&api_key) };
        let server = Server::start(&options)?;
        print::line(format_args!(
            "ST2_API_URL={}\nST2_AUTH_URL={}\nST2_STREAM_URL={}",
            server.api_url(),
            server.auth_url(),
            server.stream_url()
        ))?;
        stop.cancelled().await;
        server.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}
