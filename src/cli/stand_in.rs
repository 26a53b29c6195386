//! `poundcake stand-in`: the StackStorm stand-in alone, to try things without a StackStorm.

use super::print;
use crate::{
    logging::{self, LogFormat},
    shutdown,
};
use st2_stand_in::{Arguments, StandIn as Server};
use std::process::ExitCode;

/// `poundcake stand-in`
#[derive(Debug, clap::Args)]
pub(super) struct StandIn {
    #[command(flatten)]
    arguments: Arguments,
}

impl StandIn {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        logging::init(LogFormat::Text, "info");
        let stop = shutdown::on_signal()?;
        let server = Server::start(&self.arguments.into())?;
        print::line(server.settings())?;
        stop.cancelled().await;
        server.stop().await;
        Ok(ExitCode::SUCCESS)
    }
}
