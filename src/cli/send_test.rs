//! `poundcake send-test`: one alert through the configured ingest, followed to the end of its execution, with the time
//! of every step. What an operator runs after installing, and when something is wrong.

use super::{live_story, print, started, story};
use crate::{
    app,
    config::Settings,
    database::Database,
    history::{History, RequestStory},
    model::ids::RequestId,
    stackstorm::Client,
};
use anyhow::{Context, bail, ensure};
use secrecy::ExposeSecret;
use serde_json::json;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// `poundcake send-test`
#[derive(Debug, clap::Args)]
pub(super) struct SendTest {
    /// URL of ingest's webhook; default: `POUNDCAKE_LISTEN`
    #[arg(long)]
    url: Option<url::Url>,
    /// Name of the alert
    #[arg(long, default_value = "PoundCakeTest")]
    alertname: String,
    /// Additional labels: name=value
    #[arg(long = "label", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Maximum time to wait for the end of the execution
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration)]
    wait: Duration,
    #[command(flatten)]
    settings: Settings,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?}: write name=value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

impl SendTest {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let settings = started(self.settings.clone());
        let store = Database::new(settings.database.url()?, 1);
        let history = app::history(&settings, &store)?;
        let client = Client::new(settings.stackstorm.client_config()?)?;
        let begun = Instant::now();
        let step = |what: &str| print::line(format_args!("{:>8.3} s  {what}", begun.elapsed().as_secs_f64()));
        let request_id = self.send(&settings).await?;
        step(&format!("202: stored as request {request_id}"))?;
        let dispatched = self.dispatched(&history, request_id, begun).await?;
        for alert in &dispatched.alerts {
            let row = &alert.alert.summary;
            let reason = row.dispatch_reason.map(|reason| format!("/{reason}")).unwrap_or_default();
            step(&format!("{}{reason}", row.dispatch_status))?;
        }
        let ended = self.ended(&history, &client, dispatched, begun).await?;
        for (id, execution) in live_story::executions(&ended) {
            step(&format!("execution {id} {}", execution.status().unwrap_or("-")))?;
        }
        print::line(format_args!("\n{}", story::request(&ended)))?;
        Ok(if live_story::executions(&ended).next().is_none() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// A firing alert that starts now, with a label of its own: never a repeat.
    async fn send(&self, settings: &Settings) -> anyhow::Result<RequestId> {
        let scheme = if settings.http.tls_cert.is_some() { "https" } else { "http" };
        let url = match &self.url {
            Some(url) => url.clone(),
            None => url::Url::parse(&format!("{scheme}://{}/api/v1/webhook", settings.http.listen))?,
        };
        let now = crate::clock::rfc3339(crate::clock::utc_now());
        let mut labels = serde_json::Map::new();
        labels.insert("alertname".to_owned(), json!(self.alertname));
        labels.insert("severity".to_owned(), json!("critical"));
        labels.insert("instance".to_owned(), json!("poundcake-send-test"));
        labels.insert("poundcake_test".to_owned(), json!(uuid::Uuid::now_v7()));
        labels.extend(self.labels.iter().map(|(name, value)| (name.clone(), json!(value))));
        let alert = json!({ "status": "firing", "labels": labels, "startsAt": now,
            "annotations": { "summary": "sent by poundcake send-test" } });
        let body = json!({ "version": "4", "status": "firing", "receiver": "send-test", "alerts": [alert] });
        let mut request = crate::app::http_client(settings)?.post(url.clone()).json(&body);
        if let Some(token) = webhook_token(settings)? {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.with_context(|| format!("cannot reach {url}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status == 202, "{url} answered {status}: {text}");
        let accepted: serde_json::Value = serde_json::from_str(&text)?;
        let request_id = accepted["request_id"].as_str().context("no request_id in the answer")?;
        Ok(RequestId::parse(request_id)?)
    }

    async fn dispatched(
        &self,
        history: &History,
        request_id: RequestId,
        begun: Instant,
    ) -> anyhow::Result<RequestStory> {
        loop {
            let story = history.request(request_id).await?;
            let story = story.context("the request is not in DATABASE_URL: ingest uses another database")?;
            let rows = || story.alerts.iter().map(|alert| &alert.alert.summary);
            if rows().all(|row| row.dispatch_status.is_final()) {
                return Ok(story);
            }
            if begun.elapsed() > self.wait {
                for row in rows() {
                    let error = row.dispatch_error.as_deref().unwrap_or("-");
                    print::line(format_args!("still {}: {error}", row.dispatch_status))?;
                }
                bail!("not dispatched within {:?}: is a dispatcher running?", self.wait);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn ended(
        &self,
        history: &History,
        client: &Client,
        mut story: RequestStory,
        begun: Instant,
    ) -> anyhow::Result<RequestStory> {
        loop {
            story = live_story::live(history, client, story).await?;
            if live_story::have_ended(&story) || begun.elapsed() > self.wait {
                return Ok(story);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The first webhook token of the file, if there is one.
fn webhook_token(settings: &Settings) -> anyhow::Result<Option<String>> {
    let Some(path) = &settings.http.webhook_tokens_file else { return Ok(None) };
    let text = crate::secret::Secret::File(path.clone()).read()?;
    let mut tokens = text.expose_secret().lines().filter(|line| !line.trim_start().starts_with('#'));
    Ok(tokens.find_map(|line| line.split_once(':')).map(|(_, token)| token.trim().to_owned()))
}
