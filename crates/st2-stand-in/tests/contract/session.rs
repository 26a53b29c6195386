//! One StackStorm, and recordings replayed against it.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;
use st2_stand_in::{Control, Options, StandIn};

use super::{
    recording::{Recording, Response},
    shape::{Comparison, Tolerance, normal},
};

/// The key in the recordings.
pub(crate) const KEY: &str = "EXAMPLE-API-KEY-1";
/// `st2admin:Ch@ngeMe`, which the recordings leave out.
pub(crate) const LOGIN: &str = "Basic c3QyYWRtaW46Q2hAbmdlTWU=";

pub(crate) struct Session {
    /// None: a real StackStorm.
    stand_in: Option<StandIn>,
    api: String,
    auth: String,
    key: String,
    client: reqwest::Client,
    /// Recorded ids, tags and tokens, and what they are here.
    pub(crate) ids: HashMap<String, String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Session {
    /// A stand-in of its own.
    pub(crate) fn start() -> Self {
        Self::start_with(&Options::for_tests(KEY))
    }

    fn start_with(options: &Options) -> Self {
        let stand_in = StandIn::start(options).unwrap();
        let root = |url: String, path: &str| url.strip_suffix(path).unwrap().to_owned();
        let (api, auth) = (root(stand_in.api_url(), "/v1"), root(stand_in.auth_url(), "/tokens"));
        Self { stand_in: Some(stand_in), api, auth, key: KEY.to_owned(), client: client(), ids: HashMap::new() }
    }

    /// The StackStorm of `TEST_ST2_API_URL`, or a stand-in where that is not set.
    pub(crate) fn anywhere() -> Self {
        Self::anywhere_with(&Options::for_tests(KEY))
    }

    /// The same, where the stand-in has these options.
    pub(crate) fn anywhere_with(options: &Options) -> Self {
        let (Some(url), Some(key)) = (setting("TEST_ST2_API_URL"), setting("TEST_ST2_API_KEY")) else {
            return Self::start_with(options);
        };
        let api = url.trim_end_matches('/').trim_end_matches("/v1").to_owned();
        Self { stand_in: None, auth: api.clone(), api, key, client: client(), ids: HashMap::new() }
    }

    /// Whether faults can be set and the history is empty.
    pub(crate) fn is_stand_in(&self) -> bool {
        self.stand_in.is_some()
    }

    pub(crate) fn control(&self) -> Control {
        self.stand_in.as_ref().unwrap().control()
    }

    pub(crate) fn stream_url(&self) -> String {
        self.stand_in.as_ref().unwrap().stream_url()
    }

    /// A recorded tag stands for a new one from its first request on: another StackStorm may know the old one.
    fn renew_tag(&mut self, recorded: &Recording) {
        let body = recorded.request.body.as_deref().and_then(|body| serde_json::from_str::<Value>(body).ok());
        let in_body = body.as_ref().and_then(|body| body["context"]["trace_context"]["trace_tag"].as_str());
        let tag = recorded.request.headers.get("St2-Trace-Tag").map(String::as_str).or(in_body);
        if let Some(tag) = tag.filter(|tag| tag.parse::<uuid::Uuid>().is_ok()) {
            self.ids.entry(tag.to_owned()).or_insert_with(|| uuid::Uuid::new_v4().to_string());
        }
    }

    /// What a recorded id is here.
    pub(crate) fn id(&self, recorded: &str) -> String {
        self.ids.get(recorded).unwrap_or_else(|| panic!("{recorded} has not come up")).clone()
    }

    /// Replays a recording and compares everything.
    pub(crate) async fn replay(&mut self, number: &str) -> Live {
        self.replay_within(number, &Tolerance::default()).await
    }

    /// Replays a recording and compares what is to be compared.
    pub(crate) async fn replay_within(&mut self, number: &str, tolerance: &Tolerance) -> Live {
        let recording = Recording::numbered(number);
        self.renew_tag(&recording);
        let live = self.send_recorded(&recording).await.unwrap_or_else(|error| panic!("{number}: {error}"));
        self.hold(number, &recording.response, &live, tolerance);
        live
    }

    /// Compares an answer that was sent for otherwise.
    pub(crate) fn hold(&mut self, number: &str, recorded: &Response, live: &Live, tolerance: &Tolerance) {
        assert_eq!(Some(live.status), recorded.status, "{number}: {}", live.text);
        let tolerance = &if self.is_stand_in() { tolerance.clone() } else { tolerance.clone().of_another_user() };
        let mut comparison = Comparison { tolerance, ids: &mut self.ids, differences: Vec::new() };
        match &recorded.body_parsed {
            Some(body) => comparison.compare("", body, &live.json),
            None if normal(&recorded.body) != normal(&live.text) && !tolerance.values.contains(&"body") => {
                comparison.differences.push(format!("{:?}, recorded {:?}", live.text, recorded.body));
            }
            None => {}
        }
        for name in ["Content-Type", "X-Limit", "X-Total-Count"] {
            if name == "X-Total-Count" && tolerance.lists_by_prefix {
                continue;
            }
            let own = live.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            if own.as_ref() != recorded.headers.get(name) && live.status != 204 {
                comparison.differences.push(format!("{name}: {own:?}, recorded {:?}", recorded.headers.get(name)));
            }
        }
        assert!(comparison.differences.is_empty(), "{number}:\n{}\n{}", comparison.differences.join("\n"), live.text);
        assert_eq!(
            live.headers.contains_key("X-Request-ID"),
            recorded.headers.contains_key("X-Request-ID"),
            "{number}: X-Request-ID is on the application's answers only"
        );
    }

    /// Sends a recorded request, ids and credentials put in their place.
    pub(crate) async fn send_recorded(&self, recording: &Recording) -> reqwest::Result<Live> {
        let request = &recording.request;
        let url = self
            .here(&request.url)
            .replace("http://127.0.0.1:9101", &self.api)
            .replace("http://127.0.0.1:9100", &self.auth);
        let mut builder = self.client.request(request.method.parse().unwrap(), url);
        for (name, value) in &request.headers {
            let value = if value == "Basic EXAMPLE" { LOGIN.to_owned() } else { self.here(value) };
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(self.here(body));
        }
        live(builder).await
    }

    /// A text of a recording, with this session's ids.
    fn here(&self, text: &str) -> String {
        let text = text.replace(KEY, &self.key);
        self.ids.iter().fold(text, |text, (recorded, live)| text.replace(recorded, live))
    }

    /// Sends a request of the test's own.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Live {
        self.send_with(method, path, &[], body.map(|body| body.to_string())).await
    }

    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Live {
        let url = format!("{}{path}", self.api);
        let mut builder = self.client.request(method.parse().unwrap(), url);
        if !headers.iter().any(|(name, _)| *name == "St2-Api-Key") {
            builder = builder.header("St2-Api-Key", &self.key);
        }
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        live(builder.body(body.unwrap_or_default())).await.unwrap()
    }

    /// The same without an answer to expect.
    pub(crate) async fn try_send(&self, path: &str, body: Value, within: Duration) -> reqwest::Result<Live> {
        let url = format!("{}{path}", self.api);
        live(self.client.post(url).header("St2-Api-Key", &self.key).timeout(within).body(body.to_string())).await
    }

    /// Sends a POST and goes away once StackStorm has it.
    pub(crate) async fn send_and_leave(&self, path: &str, body: Value) {
        let before = self.control().seen();
        let seen = async {
            while self.control().seen() == before {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::select! {
            answer = self.try_send(path, body, Duration::from_secs(30)) => panic!("answered: {answer:?}"),
            () = seen => {}
        }
    }

    /// Sends a request with an id of its own; the answer, and whether it has that id.
    pub(crate) async fn send_with_id(&self, method: &str, path: &str, body: Option<Value>) -> (Live, bool) {
        let id = uuid::Uuid::new_v4().to_string();
        let live = self.send_with(method, path, &[("X-Request-ID", &id)], body.map(|body| body.to_string())).await;
        let echoed = live.headers.get("X-Request-ID").is_some_and(|own| own == id.as_str());
        (live, echoed)
    }

    pub(crate) async fn get(&self, path: &str) -> Live {
        self.send("GET", path, None).await
    }

    /// Starts an action and gives the execution's id.
    pub(crate) async fn run(&self, action: &str, parameters: Value) -> String {
        let body = serde_json::json!({ "action": action, "parameters": parameters });
        let live = self.send("POST", "/v1/executions", Some(body)).await;
        assert_eq!(live.status, 201, "{}", live.text);
        live.json["id"].as_str().unwrap().to_owned()
    }

    /// Waits until an execution has reached a state.
    pub(crate) async fn until(&self, id: &str, reached: impl Fn(&str) -> bool) -> Value {
        self.until_json(&format!("/v1/executions/{id}"), |execution| {
            reached(execution["status"].as_str().unwrap_or_default())
        })
        .await
    }

    pub(crate) async fn until_ended(&self, id: &str) -> Value {
        self.until(id, |status| matches!(status, "succeeded" | "failed" | "timeout" | "canceled" | "abandoned")).await
    }

    /// Waits until a GET shows something.
    pub(crate) async fn until_json(&self, path: &str, shows: impl Fn(&Value) -> bool) -> Value {
        let look = async {
            loop {
                let live = self.get(path).await;
                if live.status == 200 && shows(&live.json) {
                    return live.json;
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), look).await.unwrap_or_else(|_| panic!("{path} never showed it"))
    }
}

fn client() -> reqwest::Client {
    // Any test may be the first to install it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(Duration::from_mins(1))
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

async fn live(builder: reqwest::RequestBuilder) -> reqwest::Result<Live> {
    let response = builder.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await?;
    Ok(Live { status, headers, json: serde_json::from_str(&text).unwrap_or_default(), text })
}

#[expect(clippy::disallowed_methods, reason = "where the tests run is no configuration of the product")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
