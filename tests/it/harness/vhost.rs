//! A RabbitMQ vhost of the test's own, made through the management API (40 ms; `rabbitmqctl` takes over a second).

use super::{
    http::client,
    services::{Services, through},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc};
use url::Url;

/// An empty vhost, gone on drop with its queues and connections.
#[derive(Debug)]
pub struct Vhost {
    services: Arc<Services>,
    name: String,
}

impl Vhost {
    /// A new vhost on the servers that the tests share.
    pub async fn new() -> Self {
        Self::new_on(Services::shared()).await
    }

    /// A new vhost on the test's own servers.
    pub async fn new_on(services: Arc<Services>) -> Self {
        let vhost = Self { services, name: format!("pc-{}", uuid::Uuid::now_v7().simple()) };
        vhost.create().await;
        vhost
    }

    /// Loses everything the broker had: queues, messages, connections. An empty vhost of the same name follows.
    pub async fn wipe(&self) {
        call(&self.services, Method::DELETE, &format!("vhosts/{}", self.name), None).await;
        self.create().await;
    }

    /// What `AMQP_URL` takes.
    pub fn url(&self) -> String {
        self.own_url().to_string()
    }

    /// A user of its own with all rights in this vhost, and `AMQP_URL` as that user.
    pub async fn add_user(&self, user: &str) -> String {
        self.add_user_with(user, user).await
    }

    /// The same with a password of the test's choice.
    pub async fn add_user_with(&self, user: &str, password: &str) -> String {
        let name = self.user(user);
        let body = json!({"password": password, "tags": ""});
        call(&self.services, Method::PUT, &format!("users/{name}"), Some(body)).await;
        let rights = json!({"configure": ".*", "write": ".*", "read": ".*"});
        call(&self.services, Method::PUT, &format!("permissions/{}/{name}", self.name), Some(rights)).await;
        let mut url = self.own_url();
        url.set_username(&name).expect("a URL with a host");
        url.set_password(Some(password)).expect("a URL with a host");
        url.to_string()
    }

    /// What a user may make in this vhost; it may read and write all.
    pub async fn may_configure(&self, user: &str, pattern: &str) {
        let rights = json!({"configure": pattern, "write": ".*", "read": ".*"});
        let path = format!("permissions/{}/{}", self.name, self.user(user));
        call(&self.services, Method::PUT, &path, Some(rights)).await;
    }

    /// Limits the queues of this vhost; -1 is no limit.
    pub async fn limit_queues(&self, most: i32) {
        let path = format!("vhost-limits/{}/max-queues", self.name);
        call(&self.services, Method::PUT, &path, Some(json!({"value": most}))).await;
    }

    /// Removes a user; RabbitMQ closes its connections.
    pub async fn remove_user(&self, user: &str) {
        call(&self.services, Method::DELETE, &format!("users/{}", self.user(user)), None).await;
    }

    fn user(&self, user: &str) -> String {
        format!("{}-{user}", self.name)
    }

    /// `AMQP_URL` with a proxy before RabbitMQ.
    pub fn url_through(&self, proxy: SocketAddr) -> String {
        through(&self.own_url(), proxy).to_string()
    }

    /// RabbitMQ's own address, for a proxy's target.
    pub fn address(&self) -> SocketAddr {
        super::services::address(&self.services.amqp)
    }

    /// Messages in a queue, ready and unacknowledged, `None` where it does not exist. Up to half a second old: poll it.
    pub async fn depth(&self, queue: &str) -> Option<u64> {
        self.ask_depth(queue).await.expect("RabbitMQ's management API")
    }

    /// The same of a RabbitMQ that may be down.
    pub async fn ask_depth(&self, queue: &str) -> Result<Option<u64>, String> {
        let found = ask(&self.services, Method::GET, &self.queue(queue), None).await?;
        // A queue that was declared this instant has no count yet.
        Ok(found.map(|found| found["messages"].as_u64().unwrap_or(0)))
    }

    /// A queue as RabbitMQ describes it.
    pub async fn describe(&self, queue: &str) -> Value {
        call(&self.services, Method::GET, &self.queue(queue), None).await.expect("the queue")
    }

    /// True while a quorum queue tells nothing of its messages, as it does for some seconds after its start; and for good
    /// where nothing is behind it (the API goes on naming a leader).
    pub async fn is_leaderless(&self, queue: &str) -> bool {
        let described = call(&self.services, Method::GET, &self.queue(queue), None).await;
        described.is_some_and(|queue| queue.get("messages").is_none())
    }

    /// Removes a queue's ready messages.
    pub async fn purge(&self, queue: &str) {
        call(&self.services, Method::DELETE, &format!("{}/contents", self.queue(queue)), None).await;
    }

    /// Removes a queue, as an operator or a lost disk would.
    pub async fn delete_queue(&self, queue: &str) {
        call(&self.services, Method::DELETE, &self.queue(queue), None).await;
    }

    /// Lets the node forget which process is behind a quorum queue, as one that was killed within half a second of deleting
    /// and declaring it again has: after its next start nothing is. For a private node.
    pub fn forget_process(&self, queue: &str) {
        let process = self.process_of(queue);
        self.services.rabbitmqctl(&["eval", &format!(
            "ok = dets:insert(ra_directory_reverse, {{{process}, <<\"2F_GONE\">>}}), ok = dets:sync(ra_directory_reverse)."
        )]);
    }

    /// Ends the process behind a quorum queue, as crashes do that come too often. For a private node.
    pub fn stop_process(&self, queue: &str) {
        let process = self.process_of(queue);
        self.services.rabbitmqctl(&["eval", &format!("ok = ra:stop_server(quorum_queues, {{{process}, node()}}).")]);
    }

    /// Leaves a quorum queue as a node does that dies right after its process was started, and before its first election.
    /// For a private node.
    pub fn unelect(&self, queue: &str) {
        let process = self.process_of(queue);
        self.services.rabbitmqctl(&[
            "eval",
            &format!(
                "Id = {{{process}, node()}}, Uid = ra_directory:uid_of(quorum_queues, {process}), \
                 {{ok, Conf}} = ra_log:read_config(ra_env:server_data_dir(quorum_queues, Uid)), \
                 ok = ra:force_delete_server(quorum_queues, Id), \
                 ok = ra:start_server(quorum_queues, Conf#{{uid => ra:new_uid(<<\"again\">>)}})."
            ),
        ]);
    }

    fn process_of(&self, queue: &str) -> String {
        format!("'{}_{queue}'", self.name)
    }

    /// The payloads of up to `most` messages, which stay in the queue.
    pub async fn peek(&self, queue: &str, most: u32) -> Vec<String> {
        let body = json!({"count": most, "ackmode": "ack_requeue_true", "encoding": "auto"});
        let found = call(&self.services, Method::POST, &format!("{}/get", self.queue(queue)), Some(body)).await;
        let messages = found.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        messages.iter().filter_map(|message| message["payload"].as_str()).map(str::to_owned).collect()
    }

    /// Declares a queue, for a test that must find one there with arguments of its own.
    pub async fn declare(&self, queue: &str, arguments: Value) {
        let body = json!({"durable": true, "arguments": arguments});
        call(&self.services, Method::PUT, &self.queue(queue), Some(body)).await;
    }

    /// Puts a message into a queue through the default exchange.
    pub async fn publish(&self, queue: &str, payload: &str) {
        let body = json!({"properties": {"delivery_mode": 2}, "routing_key": queue, "payload": payload,
            "payload_encoding": "string"});
        let path = format!("exchanges/{}/amq.default/publish", self.name);
        let answer = call(&self.services, Method::POST, &path, Some(body)).await;
        assert_eq!(answer, Some(json!({"routed": true})), "queue {queue}");
    }

    fn queue(&self, queue: &str) -> String {
        format!("queues/{}/{queue}", self.name)
    }

    fn own_url(&self) -> Url {
        let mut url = self.services.amqp.clone();
        url.set_path(&self.name);
        url
    }

    async fn create(&self) {
        call(&self.services, Method::PUT, &format!("vhosts/{}", self.name), None).await;
        let rights = json!({"configure": ".*", "write": ".*", "read": ".*"});
        let path = format!("permissions/{}/{}", self.name, self.services.amqp.username());
        call(&self.services, Method::PUT, &path, Some(rights)).await;
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let (services, path) = (self.services.clone(), format!("vhosts/{}", self.name));
        // Drop is not async and may run inside a runtime: the call gets a thread and a runtime of its own.
        let deleted = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(call(&services, Method::DELETE, &path, None))
        });
        if deleted.join().is_err() {
            eprintln!("vhost {} is left behind", self.name);
        }
    }
}

/// One call of the management API; `None` is 404 or an empty answer.
async fn call(services: &Services, method: Method, path: &str, body: Option<Value>) -> Option<Value> {
    ask(services, method, path, body).await.expect("RabbitMQ's management API")
}

async fn ask(services: &Services, method: Method, path: &str, body: Option<Value>) -> Result<Option<Value>, String> {
    let url = services.amqp_api.join(&format!("/api/{path}")).expect("a path");
    // The API asks for a JSON body on every PUT.
    let request = client().request(method, url).json(&body.unwrap_or_else(|| json!({})));
    let response = request.send().await.map_err(|error| error.to_string())?;
    let status = response.status();
    let text = response.text().await.map_err(|error| error.to_string())?;
    match status {
        StatusCode::NOT_FOUND => Ok(None),
        _ if status.is_success() => Ok(serde_json::from_str(&text).ok()),
        _ => Err(format!("{path}: {status} {text}")),
    }
}
