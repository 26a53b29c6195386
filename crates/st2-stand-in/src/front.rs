//! What stands between a client and StackStorm, and the pages that it writes itself: none of them has the client's
//! `X-Request-ID`.

use std::{future::Future, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::{
    answer::{Answer, Call},
    reply::Reply,
};

/// How long the stock site waits for st2api.
const PROXY_READ_TIMEOUT: u64 = 90_000;
/// nginx's limit for a body, which the stock site leaves as it is.
const LARGEST_BODY: usize = 1 << 20;
/// nginx's limit for a request line and for a header.
const LONGEST_LINE: usize = 8192;

/// The proxy in front of StackStorm. In JSON: `{"front": "nginx", "patience_millis": 90000}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "front", rename_all = "snake_case")]
pub enum Front {
    /// Nothing: the client sees what st2api does.
    #[default]
    Nothing,
    /// StackStorm's own nginx site. What closes a connection is its `503` and JSON (the stream: `200` and
    /// `retry: 1000`), silence is nginx's page 504, a body over 1 MiB its 413, a line over 8 KiB its 414.
    Nginx {
        /// How long it waits for an answer (90 s).
        patience_millis: u64,
    },
    /// Any other proxy: what closes a connection is an HTML page with this status (404 or 502), silence is 504.
    Proxy {
        /// The page's status.
        status: u16,
        /// How long it waits for an answer.
        patience_millis: u64,
    },
}

/// The three services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Api,
    Auth,
    Stream,
}

impl Front {
    /// The stock nginx site with its own patience.
    pub const fn nginx() -> Self {
        Self::Nginx { patience_millis: PROXY_READ_TIMEOUT }
    }

    const fn patience(self) -> Option<Duration> {
        match self {
            Self::Nothing => None,
            Self::Nginx { patience_millis } | Self::Proxy { patience_millis, .. } => {
                Some(Duration::from_millis(patience_millis))
            }
        }
    }

    /// The page for a request that does not get through.
    pub(super) fn refusal(self, line: usize, call: &Call) -> Option<Answer> {
        if !matches!(self, Self::Nginx { .. }) {
            return None;
        }
        let header = call.headers.iter().map(|(name, value)| name.len() + value.len() + ": ".len()).max();
        if line > LONGEST_LINE {
            Some(page(414))
        } else if header.is_some_and(|longest| longest > LONGEST_LINE) {
            Some(html(400, "400 Request Header Or Cookie Too Large", "Request Header Or Cookie Too Large"))
        } else {
            (call.body.len() > LARGEST_BODY).then(|| page(413))
        }
    }

    /// What a client sees of a service's reply.
    pub(super) async fn seen(self, service: Service, reply: impl Future<Output = Reply>) -> Reply {
        let Some(patience) = self.patience() else { return reply.await };
        match timeout(patience, reply).await {
            Ok(Reply::Close) => Reply::Page(self.unreachable(service)),
            Ok(Reply::Silence) => {
                sleep(patience).await;
                Reply::Page(page(504))
            }
            Ok(reply) => reply,
            Err(_) => Reply::Page(page(504)),
        }
    }

    fn unreachable(self, service: Service) -> Answer {
        match self {
            Self::Proxy { status, .. } => page(status),
            _ => nginx_unreachable(service),
        }
    }
}

/// The stock site's own answer where nginx would say 502.
pub(super) fn nginx_unreachable(service: Service) -> Answer {
    let name = match service {
        Service::Api => "st2api",
        Service::Auth => "st2auth",
        Service::Stream => return by_nginx(200, "text/event-stream", "retry: 1000\n\n".to_owned()),
    };
    let text = format!(r#"{{ "faultstring": "Nginx is unable to reach {name}. Make sure service is running." }}"#);
    by_nginx(503, "application/json", text)
}

/// nginx's page for a status.
pub(super) fn page(status: u16) -> Answer {
    let title = format!("{status} {}", reason(status));
    html(status, &title, "")
}

/// nginx's page for a request without TLS on a port with TLS.
pub(super) fn plain_to_tls() -> Answer {
    let title = "400 The plain HTTP request was sent to HTTPS port";
    html(400, title, "The plain HTTP request was sent to HTTPS port")
}

/// A redirect to the same place with TLS.
pub(super) fn redirect(status: u16, call: &Call) -> Answer {
    let host = call.header("host").unwrap_or_default();
    let location = format!("https://{host}/{}", call.path.join("/"));
    page(status).with("Location", location)
}

/// gunicorn's page for a worker that fails outside the application.
pub(super) fn gunicorn_error() -> Answer {
    let text = "<html>\n  <head>\n    <title>Internal Server Error</title>\n  </head>\n  <body>\n    <h1><p>Internal \
                Server Error</p></h1>\n    \n  </body>\n</html>\n";
    Answer::raw(500, "text/html", text.as_bytes().to_vec())
}

fn html(status: u16, title: &str, detail: &str) -> Answer {
    let heading = if detail.is_empty() { title } else { "400 Bad Request" };
    let detail = if detail.is_empty() { String::new() } else { format!("<center>{detail}</center>\r\n") };
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{heading}</h1></center>\r\n\
         {detail}<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    by_nginx(status, "text/html", page)
}

fn by_nginx(status: u16, content_type: &'static str, body: String) -> Answer {
    Answer::raw(status, content_type, body.into_bytes()).with("Server", "nginx".to_owned())
}

/// nginx's words.
fn reason(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        404 => "Not Found",
        408 => "Request Time-out",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Temporarily Unavailable",
        504 => "Gateway Time-out",
        _ => "Error",
    }
}
