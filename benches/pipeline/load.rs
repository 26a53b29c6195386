//! The load: keep-alive connections that each send a webhook, wait for the answer and send the next, on one thread.

use super::{stats, webhook::Webhook};
use anyhow::{Context, bail};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// What to send, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Where to.
    pub address: SocketAddr,
    /// Alerts per webhook.
    pub alerts: usize,
    /// Requests at once.
    pub concurrency: usize,
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub window: Duration,
    /// Time from one request's begin to the next one's on each connection; zero: as fast as answers come.
    pub pace: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Sorted times from the request to its 202, since the window began.
    pub times: Vec<Duration>,
    /// When the window ended: nothing was sent after that.
    pub ended: Option<Instant>,
}

impl Answers {
    /// Webhooks answered since the window began.
    pub fn count(&self) -> f64 {
        stats::float(self.times.len())
    }
}

impl Load {
    /// Sends on a thread of its own; `at_window` is called when counting begins.
    pub fn run(self, at_window: impl FnOnce() + Send) -> anyhow::Result<Answers> {
        std::thread::scope(|scope| {
            let sent = scope.spawn(move || {
                tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.send())
            });
            std::thread::sleep(self.warm_up);
            at_window();
            sent.join().map_err(|_panic| anyhow::anyhow!("the load thread failed"))?
        })
    }

    async fn send(self) -> anyhow::Result<Answers> {
        let begin = Instant::now() + self.warm_up;
        let end = begin + self.window;
        let mut connections = JoinSet::new();
        let webhook = Webhook::new(self.alerts);
        for number in 0..self.concurrency {
            connections.spawn(self.connection(webhook.clone(), number, begin, end));
        }
        let mut answers = Answers::default();
        while let Some(times) = connections.join_next().await {
            answers.times.extend(times??);
        }
        answers.times.sort_unstable();
        answers.ended = Some(end);
        Ok(answers)
    }

    async fn connection(
        self,
        mut webhook: Webhook,
        number: usize,
        begin: Instant,
        end: Instant,
    ) -> anyhow::Result<Vec<Duration>> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let head = format!(
            "POST /api/v1/webhook HTTP/1.1\r\nHost: {}\r\nUser-Agent: Alertmanager/0.25.0\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            webhook.next().len()
        );
        let (mut times, mut request, mut answer) = (Vec::new(), Vec::new(), Vec::with_capacity(1024));
        // Paced connections begin one after the other, not all at once.
        let mut due = tokio::time::Instant::now() + stagger(self.pace, number, self.concurrency);
        loop {
            request.clear();
            request.extend_from_slice(head.as_bytes());
            request.extend_from_slice(webhook.next());
            if !self.pace.is_zero() {
                tokio::time::sleep_until(due).await;
                due += self.pace;
            }
            let sent = Instant::now();
            if sent >= end {
                return Ok(times);
            }
            stream.write_all(&request).await?;
            let status = exchange(&mut stream, &mut answer).await?;
            let now = Instant::now();
            match status.as_str() {
                // Those under way at the end count too, and so does the time that they take.
                "202" if now >= begin => times.push(now - sent),
                "202" => {}
                // Overload is an answer; it counts for nothing.
                "503" => tokio::time::sleep(Duration::from_millis(10)).await,
                _ => bail!("answered {status}: {}", String::from_utf8_lossy(&answer)),
            }
        }
    }
}

fn stagger(pace: Duration, number: usize, of: usize) -> Duration {
    pace.mul_f64(stats::float(number) / stats::float(of.max(1)))
}

/// Reads one answer whole and gives its status.
pub async fn exchange(stream: &mut TcpStream, answer: &mut Vec<u8>) -> anyhow::Result<String> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            bail!("the server closed the connection");
        }
        let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&answer[..head])?;
        let length = content_length(text).context("an answer without Content-Length")?;
        let status = text.split(' ').nth(1).unwrap_or_default().to_owned();
        while answer.len() < head + 4 + length {
            if stream.read_buf(answer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        return Ok(status);
    }
}

/// From the head of a request or an answer.
pub fn content_length(head: &str) -> Option<usize> {
    let value = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    })?;
    value.trim().parse().ok()
}
