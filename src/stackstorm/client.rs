//! The HTTP client for StackStorm: connections, URLs and paged lists.
//!
//! The requests are in the other files of this module, as further methods of [`Client`].

use super::{
    Config, Credentials, answer,
    auth::Authenticator,
    error::{BuildError, LookupError},
    exchange::{self, Answer, SendError, Sent},
    tls,
};
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{CONNECTION, HeaderMap, HeaderValue},
    redirect, retry,
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use url::Url;

/// The page size: StackStorm's default, and the most it gives to those who are not its admins.
pub(super) const PAGE: usize = 100;
/// A list longer than this many pages is not what we asked for.
const MAX_PAGES: usize = 100;

/// StackStorm, as PoundCake speaks to it. Built once, shared by reference.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    api_url: Url,
    auth: Authenticator,
    timeout: Duration,
    /// Answers have carried our id: an answer without it is not from st2api.
    echoes: AtomicBool,
}

impl Client {
    /// Builds the client; nothing is sent yet.
    pub fn new(config: Config) -> Result<Self, BuildError> {
        check_url("ST2_API_URL", &config.api_url)?;
        let mut https = config.api_url.scheme() == "https";
        if let Credentials::Login { auth_url, .. } = &config.credentials {
            check_url("ST2_AUTH_URL", auth_url)?;
            https |= auth_url.scheme() == "https";
        }
        let tls = tls::client_config(config.ca_file.as_deref(), https)?;
        let http = http_client(tls, config.timeout)?;
        let auth = Authenticator::new(config.credentials, config.timeout);
        Ok(Self { http, api_url: config.api_url, auth, timeout: config.timeout, echoes: AtomicBool::new(false) })
    }

    /// Asks for StackStorm's version: shows that it is there, lets us in and has its database.
    /// Says nothing of its message broker, so an answer does not mean that a trigger would pass.
    pub async fn ping(&self) -> Result<Version, LookupError> {
        let answer = self.get(&[""], &[]).await?;
        let version: Version = answer::json(&answer)?;
        Ok(Version { echoed: answer.echoed, ..version })
    }

    /// Whether st2api itself answers: a 200 with our id, or, where no answer has ever carried it, any that names a version.
    pub async fn answers_itself(&self) -> Result<(), LookupError> {
        let version = self.ping().await?;
        if version.echoed || !self.echoes.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(LookupError::Unreadable("it has no X-Request-ID, so it is not st2api's own".to_owned()))
    }

    /// A request below `ST2_API_URL`; each segment is percent-encoded.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.api_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.http.request(method, url)
    }

    /// Adds the credentials and sends once. After `not_after` nothing is written: a POST must not follow its claim late,
    /// and waiting for a login can take long.
    pub(super) async fn send(&self, request: RequestBuilder, not_after: Option<Instant>) -> Result<Answer, SendError> {
        let credential = self.auth.credential(&self.http).await?;
        if not_after.is_some_and(|limit| Instant::now() > limit) {
            return Err(SendError::TooLate);
        }
        let request = request.header(credential.name.clone(), credential.value.clone()).build()?;
        let answer = exchange::exchange(&self.http, request).await?;
        self.echoes.fetch_or(answer.echoed, Ordering::Relaxed);
        if answer.status == StatusCode::UNAUTHORIZED {
            self.auth.forget(&credential).await;
        }
        Ok(answer)
    }

    /// For requests elsewhere than below `ST2_API_URL`.
    pub(super) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// `POUNDCAKE_ST2_TIMEOUT`.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Adds the credentials, sends once, and returns with the body still to come, and with what its answer is read with.
    pub(super) async fn send_open(&self, request: RequestBuilder) -> Result<(Response, Sent), LookupError> {
        let credential = self.auth.credential(&self.http).await.map_err(SendError::from)?;
        let mut request = request.header(credential.name.clone(), credential.value.clone()).build()?;
        let sent = exchange::mark(&mut request)?;
        let response = self.http.execute(request).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.auth.forget(&credential).await;
        }
        Ok((response, sent))
    }

    /// `GET`, with 200 as the only good answer.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, LookupError> {
        let answer = self.send(self.request(Method::GET, path).query(query), None).await?;
        if answer.status == StatusCode::OK { Ok(answer) } else { Err(LookupError::of_answer(&answer)) }
    }

    /// `GET` of one object.
    pub(super) async fn get_json<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<T, LookupError> {
        Ok(answer::json(&self.get(path, query).await?)?)
    }

    /// `GET` of one object that may not be there. Only a 404 of st2api itself counts, with our id and in StackStorm's words: a
    /// proxy's page, or a wrong `ST2_API_URL`, says nothing about the object.
    pub(super) async fn find_json<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<T>, LookupError> {
        let answer = self.send(self.request(Method::GET, path).query(query), None).await?;
        match answer.status {
            StatusCode::OK => Ok(Some(answer::json(&answer)?)),
            StatusCode::NOT_FOUND if is_missing(&answer) => Ok(None),
            _ => Err(LookupError::of_answer(&answer)),
        }
    }

    /// `GET` of a whole list, page by page: a lookup that stopped at the first page could miss what it looks for.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, LookupError> {
        let mut entries: Vec<T> = Vec::new();
        for _ in 0..MAX_PAGES {
            let (limit, offset) = (PAGE.to_string(), entries.len().to_string());
            let mut paged = query.to_vec();
            paged.extend([("limit", limit.as_str()), ("offset", offset.as_str())]);
            let answer = self.get(path, &paged).await?;
            let page: Vec<T> = answer::json(&answer)?;
            let (empty, full) = (page.is_empty(), page.len() >= PAGE);
            entries.extend(page);
            if empty || answer.total.map_or(!full, |total| entries.len() >= total) {
                return Ok(entries);
            }
        }
        Err(LookupError::Unreadable(format!("a list of more than {} entries", MAX_PAGES * PAGE)))
    }
}

/// What `GET /v1/` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Version {
    /// `3.9.0`.
    pub version: String,
    /// The answer carried our `X-Request-ID`: the id survives the way to StackStorm and back.
    #[serde(skip)]
    pub echoed: bool,
}

/// StackStorm answers unknown routes with a 404 in JSON too; what is missing there is the route, not the object.
fn is_missing(answer: &Answer) -> bool {
    answer::own_fault(answer).is_some_and(|words| words != answer::UNKNOWN_ROUTE)
}

fn check_url(variable: &'static str, url: &Url) -> Result<(), BuildError> {
    let problem = if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        "write http://host:port/… or https://host/…"
    } else if !url.username().is_empty() || url.password().is_some() {
        "holds a user name or password; use ST2_API_KEY, or ST2_USERNAME and ST2_PASSWORD"
    } else if url.query().is_some() || url.fragment().is_some() {
        "must not hold ? or #"
    } else {
        return Ok(());
    };
    Err(BuildError::Url { variable, problem })
}

/// - A connection of its own for each call. st2api closes an idle one after 2 s, and it counts what it has not read yet as
///   idle: after a stall it closes every kept connection unread, however fresh the POST on it, and that POST is uncertain.
///   StackStorm is asked to close it: the side that closes first holds its port for a minute, and 28,000 are all there are.
/// - No retries and no redirects: a POST must reach StackStorm at most once.
/// - HTTP/1.1, as st2api speaks it: an HTTP/2 proxy could ask to send again.
/// - Connecting has its own, shorter limit, so that what was not sent is told apart from what was not answered.
/// - `HTTP_PROXY` and the like are not looked at: StackStorm is a neighbour.
fn http_client(tls: rustls::ClientConfig, timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("poundcake/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .timeout(timeout)
        .connect_timeout(Duration::from_secs(5).min(timeout / 2))
        .pool_max_idle_per_host(0)
        .default_headers(HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("close"))]))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .http1_only()
        .build()
}

#[cfg(test)]
mod tests;
