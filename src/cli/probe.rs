//! `poundcake probe`: asks a process on this machine whether it is ready. For the health checks of containers, which have no
//! curl.

use super::print;
use crate::config::{ListenAddress, Settings};
use anyhow::{Context, ensure};
use reqwest::{Client, redirect::Policy};
use std::{process::ExitCode, time::Duration};
use url::Url;

/// For the end of `--help`.
const EXIT_CODES: &str = "Exit status: 0 ready; 1 not ready, or no answer; 2 wrong command line";

/// `poundcake probe`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Probe {
    /// Process to ask, at `POUNDCAKE_LISTEN`, `POUNDCAKE_DISPATCHER_LISTEN` or `POUNDCAKE_TRACKER_LISTEN`
    #[arg(value_enum, default_value_t = Server::Ingest)]
    process: Server,
    /// Ask only whether the process answers (`/livez`), not whether it can work (`/readyz`)
    #[arg(long)]
    live: bool,
    /// Ask this URL instead; any answer 2xx is good
    #[arg(long, conflicts_with_all = ["process", "live"])]
    url: Option<Url>,
    /// Maximum time to wait for the answer
    #[arg(long, default_value = "4s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    settings: Settings,
}

/// The processes that listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Server {
    Ingest,
    Dispatcher,
    Tracker,
    Standalone,
}

impl Probe {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let url = match self.url.clone() {
            Some(url) => url,
            None => self.own_url()?,
        };
        let client = client(self.timeout)?;
        let answer = client.get(url.clone()).send().await.with_context(|| format!("cannot reach {url}"))?;
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        ensure!(status.is_success(), "{url} answered {status}: {text}");
        print::line(format_args!("{url} answered {status}"))?;
        Ok(ExitCode::SUCCESS)
    }

    fn own_url(&self) -> anyhow::Result<Url> {
        let http = &self.settings.http;
        let listen = match self.process {
            Server::Ingest | Server::Standalone => &http.listen,
            Server::Dispatcher => &http.dispatcher_listen,
            Server::Tracker => &http.tracker_listen,
        };
        let scheme = if http.tls_cert.is_some() { "https" } else { "http" };
        let path = if self.live { "livez" } else { "readyz" };
        Ok(Url::parse(&format!("{scheme}://{}/{path}", reachable(listen)))?)
    }
}

/// No proxy, no redirect. The certificate is not checked, as Kubernetes does not check it: it names the host that clients
/// use, the probe asks the loopback address, and it sends no secret.
fn client(timeout: Duration) -> reqwest::Result<Client> {
    let client = Client::builder().no_proxy().redirect(Policy::none()).timeout(timeout);
    client.tls_danger_accept_invalid_certs(true).build()
}

/// Where a server that listens on all addresses answers.
fn reachable(listen: &ListenAddress) -> String {
    let port = listen.port();
    match listen.host().as_str() {
        "0.0.0.0" => format!("127.0.0.1:{port}"),
        "::" => format!("[::1]:{port}"),
        _ => listen.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_on_the_loopback_address() {
        let cases = [
            ("0.0.0.0:8000", "127.0.0.1:8000"),
            ("[::]:8001", "[::1]:8001"),
            ("[::1]:8002", "[::1]:8002"),
            ("10.0.0.7:8000", "10.0.0.7:8000"),
            ("localhost:8000", "localhost:8000"),
        ];
        for (listen, expected) in cases {
            assert_eq!(reachable(&listen.parse().unwrap()), expected);
        }
    }
}
