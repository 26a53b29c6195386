//! `poundcake demo`: the main job in a few seconds, with nothing to install. `standalone` on a temporary SQLite file and
//! the StackStorm stand-in; webhooks that a real Alertmanager sent, over HTTP; then the history of each.

use super::{live_story, print, standalone, story};
use crate::{
    app,
    config::Settings,
    database::{Database, connect::DatabaseUrl},
    history::{History, RequestStory},
    logging::{self, LogFormat},
    model::ids::RequestId,
    stackstorm::Client,
};
use anyhow::{Context, ensure};
use clap::{Args, FromArgMatches};
use st2_stand_in::{Options, StandIn};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// `poundcake demo`
#[derive(Debug, clap::Args)]
pub(super) struct Demo {
    /// Also show the program's log
    #[arg(long)]
    verbose: bool,
}

/// Recorded from Alertmanager 0.25.
const WEBHOOKS: [(&str, &str); 6] = [
    ("a host is down; StackStorm's rules decide", include_str!("demo/01-single-firing.json")),
    ("a group of three, straight to a workflow", include_str!("demo/02-group-of-3-firing.json")),
    ("a workflow that fails", include_str!("demo/04-fire-resolve-1-firing.json")),
    ("and its alert is resolved", include_str!("demo/05-fire-resolve-2-resolved.json")),
    ("a first firing", include_str!("demo/15-repeat-1.json")),
    ("Alertmanager repeats it: nothing runs twice", include_str!("demo/16-repeat-2-identical-bytes.json")),
];
const ROUTES: &str = include_str!("demo/routes.yaml");
const KEY: &str = "demo-key";
/// All of it takes about two seconds; this is for a very slow machine.
const DEADLINE: Duration = Duration::from_secs(30);

impl Demo {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        logging::init(LogFormat::Text, if self.verbose { "info" } else { "error" });
        let directory = Directory::make()?;
        let stand_in = StandIn::start(&Options::for_tests(KEY))?;
        let settings = settings(&directory.0, &stand_in)?;
        print::line(format_args!(
            "PoundCake demo: standalone on SQLite in {}, StackStorm stand-in at {}\n",
            directory.0.display(),
            stand_in.api_url()
        ))?;
        let stop = CancellationToken::new();
        let (ready, address) = tokio::sync::oneshot::channel();
        let (server_settings, tasks) = (settings.clone(), standalone::tasks(stop.clone())?);
        let server = tokio::spawn(async move {
            let ready = |address| {
                // The receiver is gone when the demo has failed already.
                _ = ready.send(address);
            };
            standalone::run(&server_settings, true, tasks, ready).await
        });
        let shown = async { show(&settings, address.await?).await };
        let shown = shown.await;
        stop.cancel();
        server.await??;
        stand_in.stop().await;
        shown?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A directory that goes when the demo ends.
struct Directory(PathBuf);

impl Directory {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("poundcake-demo-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            print::note(format_args!("cannot remove {}: {error}", self.0.display()));
        }
    }
}

/// The demo's own settings: nothing of the environment counts.
fn settings(directory: &Path, stand_in: &StandIn) -> anyhow::Result<Settings> {
    let routes = directory.join("routes.yaml");
    std::fs::write(&routes, ROUTES)?;
    let flags = [
        "demo".to_owned(),
        format!("--database-url=sqlite://{}", directory.join("demo.db").display()),
        format!("--st2-api-url={}", stand_in.api_url()),
        format!("--st2-api-key={KEY}"),
        format!("--st2-stream-url={}", stand_in.stream_url()),
        format!("--routes={}", routes.display()),
        "--listen=127.0.0.1:0".to_owned(),
    ];
    let command = Settings::augment_args(clap::Command::new("demo"));
    let command = command.mut_args(|arg| arg.env(clap::builder::Resettable::<clap::builder::OsStr>::Reset));
    Ok(Settings::from_arg_matches(&command.try_get_matches_from(flags)?)?)
}

async fn show(settings: &Settings, address: SocketAddr) -> anyhow::Result<()> {
    let store = Database::new(DatabaseUrl::parse(settings.database.database_url.as_deref().unwrap_or_default())?, 1);
    let history = app::history(settings, &store)?;
    let client = Client::new(settings.stackstorm.client_config()?)?;
    for (what, body) in WEBHOOKS {
        let request_id = send(address, body).await?;
        let deadline = Instant::now() + DEADLINE;
        let dispatched = all_final(&history, request_id, deadline).await?;
        let finished = finished(&history, &client, dispatched, deadline).await?;
        print::line(format_args!("{what}\n{}", story::request(&finished)))?;
    }
    Ok(())
}

async fn send(address: SocketAddr, body: &'static str) -> anyhow::Result<RequestId> {
    #[derive(serde::Deserialize)]
    struct Accepted {
        request_id: RequestId,
    }
    let http = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://{address}/api/v1/webhook");
    let answer = http.post(&url).header("content-type", "application/json").body(body).send().await?;
    ensure!(answer.status() == 202, "{url} answered {}", answer.status());
    Ok(answer.json::<Accepted>().await?.request_id)
}

async fn all_final(history: &History, request_id: RequestId, deadline: Instant) -> anyhow::Result<RequestStory> {
    loop {
        let story = history.request(request_id).await?;
        let story = story.with_context(|| format!("request {request_id} is not stored"))?;
        if story.alerts.iter().all(|alert| alert.alert.summary.dispatch_status.is_final()) {
            return Ok(story);
        }
        ensure!(Instant::now() < deadline, "request {request_id} was not dispatched in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn finished(
    history: &History,
    client: &Client,
    mut story: RequestStory,
    deadline: Instant,
) -> anyhow::Result<RequestStory> {
    loop {
        story = live_story::live(history, client, story).await?;
        if live_story::have_ended(&story) {
            return Ok(story);
        }
        ensure!(Instant::now() < deadline, "the executions did not end in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
