//! StackStorm, as fast as this machine allows: the answers of the stand-in, which is held to recordings of a real one, kept
//! as bytes and given back after a fixed time, each with an execution id of its own.

use super::load;
use anyhow::Context;
use st2_stand_in::{Options, StandIn};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// The key that is sent.
pub const KEY: &str = "bench-key";
/// What every alert runs.
pub const ACTION: &str = "remediation.host_down_workflow";

/// Connections that wait to be accepted, as many as gunicorn lets.
const BACKLOG: u32 = 2048;

/// Answers as bytes.
struct Answers {
    action: Vec<u8>,
    /// The answer to a POST, and the position of the execution's id in it.
    created: Vec<u8>,
    ids: Vec<usize>,
    created_so_far: AtomicU64,
    latency: Duration,
}

/// Serves until it is killed. Arguments: address, milliseconds.
pub fn serve(arguments: &[String]) -> anyhow::Result<()> {
    let [address, latency] = arguments else { anyhow::bail!("stackstorm: address and milliseconds") };
    let address: SocketAddr = address.parse()?;
    let latency = Duration::from_millis(latency.parse()?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let answers = Arc::new(Answers::of_stand_in(latency).await?);
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(connection(stream, Arc::clone(&answers)));
        }
    })
}

impl Answers {
    async fn of_stand_in(latency: Duration) -> anyhow::Result<Self> {
        let stand_in = StandIn::start(&Options::for_tests(KEY))?;
        let client = reqwest::Client::builder().build()?;
        let url = |path: &str| format!("{}/{path}", stand_in.api_url());
        let ask = client.get(url(&format!("actions/views/overview/{ACTION}"))).header("St2-Api-Key", KEY);
        let action = ask.send().await?.error_for_status()?.bytes().await?;
        let body = serde_json::json!({
            "action": ACTION,
            "parameters": { "alert_name": "HostDown", "instance": "node-0000000000" },
        });
        let post = client.post(url("executions")).header("St2-Api-Key", KEY).json(&body);
        let created = post.send().await?.error_for_status()?.text().await?;
        let execution: serde_json::Value = serde_json::from_str(&created)?;
        let id = execution["id"].as_str().context("an execution without id")?.to_owned();
        stand_in.stop().await;
        let created = answer("201 Created", created.as_bytes());
        let ids = created.windows(id.len()).enumerate().filter(|(_, window)| *window == id.as_bytes());
        let ids = ids.map(|(at, _)| at).collect();
        Ok(Self { action: answer("200 OK", &action), ids, created, created_so_far: AtomicU64::new(0), latency })
    }

    /// A POST's answer, with the next id.
    fn created(&self) -> Vec<u8> {
        let number = self.created_so_far.fetch_add(1, Ordering::Relaxed);
        let id = format!("{number:024x}");
        let mut answer = self.created.clone();
        for at in &self.ids {
            answer[*at..at + id.len()].copy_from_slice(id.as_bytes());
        }
        answer
    }
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nServer: gunicorn\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Answers until the peer goes away or wants no more; a broken connection is its own business.
async fn connection(mut stream: TcpStream, answers: Arc<Answers>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut buffer = Vec::with_capacity(8 << 10);
    while let Some(request) = request(&mut stream, &mut buffer).await {
        let answer = if request.post {
            if !answers.latency.is_zero() {
                tokio::time::sleep(answers.latency).await;
            }
            answers.created()
        } else {
            answers.action.clone()
        };
        if stream.write_all(&answer).await.is_err() || request.last {
            return;
        }
    }
}

/// What is looked at.
struct Request {
    post: bool,
    /// `Connection: close`.
    last: bool,
}

/// Takes one request off the buffer.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let text = std::str::from_utf8(&buffer[..head]).ok()?;
            let length = load::content_length(text).unwrap_or(0);
            if buffer.len() >= head + 4 + length {
                let request = Request { post: text.starts_with("POST"), last: text.contains("\r\nconnection: close") };
                buffer.drain(..head + 4 + length);
                return Some(request);
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}
