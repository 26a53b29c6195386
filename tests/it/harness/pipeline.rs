//! The whole of PoundCake around a StackStorm stand-in: separate processes on MariaDB and RabbitMQ, or `standalone`.

use super::{Process, Running, Services, TestDatabase, Vhost, client, eventually, network::Network};
use serde_json::{Value, json};
use st2_stand_in::{Control, Options, StandIn};
use std::{sync::Arc, time::Duration};

/// The stand-in's key.
pub const KEY: &str = "test-key";
/// For things that take milliseconds on an idle machine; longer than a call that has to be looked up.
pub const SOON: Duration = Duration::from_mins(2);

/// For what waits for a lease, a settle time, the relay or a reconnect as well.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// What a pipeline is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `ingest` and `dispatcher` as processes of their own, on MariaDB and RabbitMQ.
    Separate,
    /// `standalone`: one process, SQLite, in-process queue.
    Standalone,
}

/// Settings of a pipeline, before it starts.
pub struct Setup {
    shape: Shape,
    variables: Vec<(String, String)>,
    files: Vec<tempfile::NamedTempFile>,
    network: Option<Network>,
    pub database: TestDatabase,
    pub vhost: Option<Vhost>,
    pub stand_in: StandIn,
    st2_url: String,
}

impl Setup {
    /// Database, vhost and stand-in, with the schema up.
    pub async fn new(shape: Shape) -> Self {
        Self::with(shape, &Options::for_tests(KEY)).await
    }

    /// The same with a stand-in of these options.
    pub async fn with(shape: Shape, options: &Options) -> Self {
        match shape {
            Shape::Separate => Self::of(shape, TestDatabase::mariadb(), Some(Vhost::new().await), options).await,
            Shape::Standalone => Self::of(shape, TestDatabase::sqlite(), None, options).await,
        }
    }

    /// Separate processes on the test's own servers.
    pub async fn on(services: &Arc<Services>) -> Self {
        let database = TestDatabase::mariadb_on(services.clone());
        let vhost = Vhost::new_on(services.clone()).await;
        Self::of(Shape::Separate, database, Some(vhost), &Options::for_tests(KEY)).await
    }

    async fn of(shape: Shape, database: TestDatabase, vhost: Option<Vhost>, options: &Options) -> Self {
        let stand_in = StandIn::start(options).expect("the stand-in");
        let st2_url = stand_in.api_url();
        let setup =
            Self { shape, variables: Vec::new(), files: Vec::new(), network: None, database, vhost, stand_in, st2_url };
        let (status, _, error) = setup.process("migrate").argument("up").run().await;
        assert!(status.success(), "migrate up: {error}");
        setup
    }

    /// The same with a proxy before each neighbour, ingest's and dispatcher's own ones where both use it.
    pub async fn proxied(shape: Shape) -> Self {
        let mut setup = Self::new(shape).await;
        setup.network = Some(Network::before(&setup.database, setup.vhost.as_ref(), &setup.st2_url));
        setup
    }

    /// The proxies of [`Self::proxied`].
    pub fn network(&self) -> &Network {
        self.network.as_ref().expect("a proxied setup")
    }

    /// Sets a variable of every process; the last word counts.
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// The same, for processes that are started later.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.push((name.to_owned(), value.into()));
    }

    /// Writes a routes file and uses it.
    pub fn routes(self, yaml: &str) -> Self {
        self.file("POUNDCAKE_ROUTES", yaml)
    }

    /// Writes a file and sets the variable that names it.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("the file");
        self.variables.push((name.to_owned(), file.path().display().to_string()));
        self.files.push(file);
        self
    }

    /// Replaces the routes file, whole: nobody reads half of it.
    pub fn edit_routes(&self, yaml: &str) {
        let named = self.variables.iter().rev().find(|(name, _)| name == "POUNDCAKE_ROUTES");
        let (_, path) = named.expect("a routes file");
        let new = format!("{path}.new");
        std::fs::write(&new, yaml).expect("the new file");
        std::fs::rename(&new, path).expect("the file");
    }

    /// A subcommand with this pipeline's settings.
    pub fn process(&self, command: &str) -> Process {
        let mut process = Process::poundcake(command)
            .variable("DATABASE_URL", self.database.url_for(command))
            .variable("ST2_API_URL", &self.st2_url)
            .variable("ST2_STREAM_URL", self.stand_in.stream_url())
            .variable("ST2_API_KEY", KEY);
        if let Some(vhost) = &self.vhost {
            process = process.variable("AMQP_URL", vhost.url());
        }
        if let Some(network) = &self.network {
            process = network.variables(command).into_iter().fold(process, |p, (name, value)| p.variable(name, value));
        }
        self.variables.iter().fold(process, |process, (name, value)| process.variable(name, value))
    }

    /// Starts everything.
    pub async fn start(self) -> Pipeline {
        let (ingest, dispatcher) = match self.shape {
            Shape::Separate => {
                let (ingest, dispatcher) = (self.process("ingest"), self.process("dispatcher"));
                (ingest.start().ready().await, Some(dispatcher.start().ready().await))
            }
            Shape::Standalone => (self.process("standalone").start().ready().await, None),
        };
        Pipeline { setup: self, ingest, dispatcher }
    }

    /// Starts `ingest` alone.
    pub async fn start_without_dispatcher(self) -> Pipeline {
        assert_eq!(self.shape, Shape::Separate);
        let ingest = self.process("ingest").start().ready().await;
        Pipeline { setup: self, ingest, dispatcher: None }
    }
}

/// A running PoundCake.
pub struct Pipeline {
    pub setup: Setup,
    pub ingest: Running,
    pub dispatcher: Option<Running>,
}

impl Pipeline {
    /// Starts a dispatcher, in place of the one before if there is one.
    pub async fn start_dispatcher(&mut self) {
        self.dispatcher = Some(self.setup.process("dispatcher").start().ready().await);
    }

    /// Starts a tracker, or one more.
    pub async fn start_tracker(&self) -> Running {
        self.setup.process("tracker").start().ready().await
    }

    /// The process that dispatches.
    pub fn dispatches(&self) -> &Running {
        self.dispatcher.as_ref().unwrap_or(&self.ingest)
    }

    /// The dispatcher, for its signals.
    pub fn dispatcher(&self) -> &Running {
        self.dispatcher.as_ref().expect("a dispatcher of its own")
    }

    /// Started with these settings.
    pub async fn of(shape: Shape, settings: impl Fn(Setup) -> Setup) -> Self {
        settings(Setup::new(shape).await).start().await
    }

    /// The stand-in's inside.
    pub fn st2(&self) -> Control {
        self.setup.stand_in.control()
    }

    /// The rows.
    pub fn database(&self) -> &TestDatabase {
        &self.setup.database
    }

    /// Posts a body and returns status and JSON.
    pub async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let url = self.ingest.url("/api/v1/webhook");
        let answer = client().post(url).body(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Posts alerts that must be accepted, and returns the request's id.
    pub async fn send(&self, alerts: &[Value]) -> String {
        let body = json!({ "version": "4", "status": "firing", "alerts": alerts }).to_string();
        let (status, answer) = self.post(body).await;
        assert_eq!(status, 202, "{answer}");
        answer["request_id"].as_str().expect("a request_id").to_owned()
    }

    /// See [`deliver`].
    pub async fn deliver(&self, alerts: &[Value]) {
        deliver(&self.ingest.url("/api/v1/webhook"), alerts).await;
    }

    /// Waits until no row is left for anybody to look at.
    pub async fn settled(&self) {
        self.settled_within(SOON).await;
    }

    /// The same, where leases, settle times or the relay have to pass first.
    pub async fn settled_within(&self, deadline: Duration) {
        eventually("every row is settled", deadline, async || {
            let open = self.statuses("WHERE dispatch_status NOT IN ('dispatched', 'failed', 'skipped')");
            if open.is_empty() { Ok(()) } else { Err(open) }
        })
        .await;
    }

    /// `name status/reason` of each row, in the order of their ids.
    pub fn statuses(&self, rest: &str) -> Vec<String> {
        let value = self.joined(&["alert_name", "' '", "dispatch_status", "'/'", "COALESCE(dispatch_reason, '-')"]);
        self.database().lines(&format!("SELECT {value} AS value FROM poundcake_alerts {rest} ORDER BY id"))
    }
}

/// Posts alerts until they are accepted, as Alertmanager does: 503 or no answer means again, 4xx would lose them.
pub async fn deliver(url: &str, alerts: &[Value]) {
    let body = json!({ "version": "4", "status": "firing", "alerts": alerts }).to_string();
    let client = client();
    eventually("the webhook is accepted", PATIENCE, async || {
        let answer = client.post(url).body(body.clone()).send().await.map_err(|e| e.to_string())?;
        let status = answer.status().as_u16();
        assert!(matches!(status, 202 | 503), "Alertmanager drops an alert on {status}");
        if status == 202 { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}

/// A firing alert that started at a time like `2026-11-22T01:00:00Z`.
pub fn firing(name: &str, instance: &str, starts_at: &str) -> Value {
    json!({
        "status": "firing",
        "labels": { "alertname": name, "instance": instance, "severity": "critical" },
        "annotations": { "summary": format!("{name} on {instance}") },
        "startsAt": starts_at,
        "endsAt": "0001-01-01T00:00:00Z",
    })
}

/// The same alert, ended.
pub fn resolved(name: &str, instance: &str, starts_at: &str, ends_at: &str) -> Value {
    let mut alert = firing(name, instance, starts_at);
    alert["status"] = json!("resolved");
    alert["endsAt"] = json!(ends_at);
    alert
}
