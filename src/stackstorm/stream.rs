//! StackStorm's event stream: server-sent events over HTTP, without ids and without a replay.
//!
//! What happens while no client reads is lost, so a reader must also poll: see `tracker`. A newline comes at once, when
//! the reader is registered, and then after 25 s without any event; events that are filtered out put it off silently.

mod frames;
#[cfg(any(test, feature = "fuzzing"))]
mod fuzz;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use fuzz::target as fuzz_target;

use super::{
    client::Client,
    error::LookupError,
    exchange::{self, SendError},
    executions::Execution,
    words::describe,
};
use frames::{Frame, Frames};
use reqwest::{Method, Response, StatusCode};
use std::time::Duration;
use url::Url;

/// Silence after which a stream counts as lost: well above the heartbeat's 25 s.
pub const SILENCE: Duration = Duration::from_secs(45);
/// reqwest limits a whole call; a stream has no end.
const NO_END: Duration = Duration::from_hours(24 * 365);
/// What is asked for: live actions tell nothing that their executions do not.
const EVENTS: &str = "st2.execution__create,st2.execution__update";

/// An open stream.
#[derive(Debug)]
pub struct EventStream {
    response: Response,
    frames: Frames,
}

/// What comes over it.
#[derive(Debug)]
pub enum Event {
    /// A heartbeat, or an event of another kind.
    Alive,
    /// An execution as it is now.
    Execution(Box<Execution>),
    /// An event that is too large or cannot be read: its execution must be asked for.
    Unreadable(String),
}

impl Client {
    /// Opens the stream. Returns once StackStorm has answered; it is registered when the first bytes come.
    pub async fn events(&self, url: &Url) -> Result<EventStream, LookupError> {
        let request = self.http().request(Method::GET, url.clone()).query(&[("events", EVENTS)]).timeout(NO_END);
        let sending = self.send_open(request);
        let (response, sent) = tokio::time::timeout(self.timeout(), sending)
            .await
            .map_err(|_elapsed| LookupError::Unavailable("the stream was not answered in time".to_owned()))??;
        if response.status() != StatusCode::OK {
            let answer = exchange::receive(response, &sent).await;
            return Err(LookupError::of_answer(&answer));
        }
        Ok(EventStream { response, frames: Frames::default() })
    }
}

impl EventStream {
    /// The next event. An error ends the stream: it was cut, ended by StackStorm, or silent for [`SILENCE`].
    pub async fn next(&mut self) -> Result<Event, LookupError> {
        loop {
            if let Some(frame) = self.frames.next() {
                return Ok(read(frame));
            }
            match tokio::time::timeout(SILENCE, self.response.chunk()).await {
                Ok(Ok(Some(bytes))) => self.frames.push(&bytes),
                Ok(Ok(None)) => return Err(LookupError::Unavailable("StackStorm ended the stream".to_owned())),
                Ok(Err(error)) => return Err(LookupError::Unavailable(describe(&error.without_url()))),
                Err(_elapsed) => return Err(LookupError::Unavailable(format!("no sign of life for {SILENCE:?}"))),
            }
        }
    }
}

impl From<reqwest::Error> for LookupError {
    fn from(error: reqwest::Error) -> Self {
        SendError::from(error).into()
    }
}

fn read(frame: Frame) -> Event {
    match frame {
        Frame::Event { name, data } if name.starts_with("st2.execution__") => match serde_json::from_slice(&data) {
            Ok(execution) => Event::Execution(execution),
            Err(error) => Event::Unreadable(error.to_string()),
        },
        Frame::Event { .. } | Frame::Blank => Event::Alive,
        Frame::TooLarge => Event::Unreadable(format!("an event above {} bytes", frames::LARGEST)),
    }
}
