//! A server on a real socket that answers as a test wants, mostly wrongly.

use super::{Client, Config, Credentials};
use crate::secret::Secret;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

/// What the server does with one request, once it has read it whole.
#[derive(Debug, Clone)]
pub(crate) enum Do {
    /// Answers as st2api does, with the request's id: a status, further header lines and a body; and keeps the connection.
    Reply(u16, &'static str, String),
    /// The same from a proxy, which does not know the id.
    Foreign(u16, &'static str, String),
    /// Answers, says nothing of closing, and closes unread what comes next on the connection, as st2api does after a stall.
    ReplyOnce(u16, String),
    /// Writes these bytes and closes.
    Write(&'static str),
    /// Closes without a word.
    Close,
    /// Never answers.
    Hang,
}

/// A running server; it ends with the test.
pub(crate) struct TestServer {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<String>>>,
}

impl TestServer {
    /// Serves the script, one step a request, in the order of arrival; the last step repeats.
    pub(crate) async fn start(script: Vec<Do>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/v1/", listener.local_addr().unwrap())).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            let script = Arc::new(script);
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared), Arc::clone(&script)));
            }
        });
        Self { url, seen }
    }

    /// One that answers every request alike.
    pub(crate) async fn replying(status: u16, body: &str) -> Self {
        Self::start(vec![Do::Reply(status, "", body.to_owned())]).await
    }

    /// The requests so far, head and body.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// A client of this server.
    pub(crate) fn client(&self) -> Client {
        client_of(&self.url, Duration::from_secs(20))
    }
}

/// A client with a key, which must not show up anywhere but in its header.
pub(crate) fn client_of(api_url: &Url, timeout: Duration) -> Client {
    let credentials = Credentials::ApiKey(Secret::Value("the-key".into()));
    Client::new(Config { api_url: api_url.clone(), credentials, ca_file: None, timeout }).unwrap()
}

/// A moment that no test reaches.
pub(crate) fn later() -> Instant {
    Instant::now() + Duration::from_hours(1)
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Vec<String>>>, script: Arc<Vec<Do>>) {
    while let Some(request) = read_request(&mut stream).await {
        let echo = echo(&request);
        let step = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            script[(seen.len() - 1).min(script.len() - 1)].clone()
        };
        let bytes = match step {
            Do::Reply(status, headers, body) => answer(status, &format!("{echo}{headers}"), &body),
            Do::Foreign(status, headers, body) => answer(status, headers, &body),
            Do::ReplyOnce(status, body) => {
                stream.write_all(answer(status, &echo, &body).as_bytes()).await.unwrap();
                stream.readable().await.unwrap();
                return;
            }
            Do::Write(bytes) => {
                stream.write_all(bytes.as_bytes()).await.unwrap();
                return;
            }
            Do::Close => return,
            Do::Hang => return std::future::pending().await,
        };
        if stream.write_all(bytes.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The line that st2api's outermost middleware adds.
fn echo(request: &str) -> String {
    let id = request.lines().find_map(|line| line.strip_prefix("x-request-id: "));
    id.map_or_else(String::new, |id| format!("X-Request-ID: {id}\r\n"))
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
