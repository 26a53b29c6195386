//! The command line: of the program `st2-stand-in`, and of a program that offers the stand-in as a subcommand.

use super::{Options, StandIn};
use std::{net::SocketAddr, path::PathBuf};

/// What a person chooses.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
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

impl From<Arguments> for Options {
    fn from(arguments: Arguments) -> Self {
        let Arguments { listen, api_key, packs, configs, python } = arguments;
        Self { listen, packs, configs, python, ..Self::at_default_ports(&api_key) }
    }
}

impl StandIn {
    /// Its URLs, as the settings of a client.
    pub fn settings(&self) -> String {
        let (api, auth, stream) = (self.api_url(), self.auth_url(), self.stream_url());
        format!("ST2_API_URL={api}\nST2_AUTH_URL={auth}\nST2_STREAM_URL={stream}")
    }
}
