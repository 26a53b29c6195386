//! Signing in with an operator's token, and out. The session is a cookie that every replica can check.

use super::{
    super::{
        attempts::{Attempt, Attempts},
        auth,
        body::{Body, Limits},
        context::Shared,
        cookies,
        encoding::Encoding,
        problem::Problem,
    },
    frame::Frame,
    go_to, html, refused,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use askama::Template;
use std::time::Instant;

/// The largest form: a token and an address.
const FORM_BYTES: usize = 16 << 10;

/// What signing in needs to remember.
pub(in crate::http) struct Logins {
    attempts: Attempts,
    limits: Limits,
}

impl Default for Logins {
    fn default() -> Self {
        Self { attempts: Attempts::default(), limits: Limits::new(FORM_BYTES) }
    }
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    frame: Frame,
    next: String,
    error: &'static str,
}

/// The form; where no token is needed, the first page.
pub(in crate::http) async fn form(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    if !shared.auth.has_operators() {
        return go_to("/");
    }
    let next = field(request.query_string().as_bytes(), "next");
    show(&request, StatusCode::OK, next, "")
}

/// Checks the token and begins a session.
pub(in crate::http) async fn sign_in(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    logins: web::Data<Logins>,
) -> HttpResponse {
    let form = match Encoding::of(&request) {
        Ok(encoding) => logins.limits.read(encoding, payload).await,
        Err(problem) => return refused(&request, &problem),
    };
    let Body::Whole(form, _held) = form else {
        return refused(&request, &Problem::BadOrder("the form could not be read; send it again".to_owned()));
    };
    let next = field(&form, "next");
    let address = request.peer_addr().map(|peer| peer.ip());
    if logins.attempts.begin(address, Instant::now()) != Attempt::Allowed {
        log::warn!(event = "sign_in_refused", peer:? = address; "too many wrong tokens from one address");
        return show(&request, StatusCode::TOO_MANY_REQUESTS, next, "Too many wrong tokens. Wait a minute.");
    }
    let Some(session) = shared.auth.sign_in(&field(&form, "token")) else {
        log::warn!(event = "sign_in_failed", peer:? = address; "a wrong token at the operator page");
        return show(&request, StatusCode::UNAUTHORIZED, next, "No operator has this token.");
    };
    logins.attempts.forgive(address);
    let mut response = go_to(here(&next));
    set_cookie(&mut response, &request, &session, auth::LIFETIME.num_seconds());
    response
}

/// Ends the session in this browser.
pub(in crate::http) async fn sign_out(request: HttpRequest) -> HttpResponse {
    let mut response = go_to("/login");
    set_cookie(&mut response, &request, "", 0);
    response
}

/// To the form, and from there back to the page that was asked for.
pub(super) fn redirect(request: &HttpRequest) -> HttpResponse {
    // What was posted cannot be asked for again.
    let asked = request.uri().path_and_query().filter(|_| request.method().is_safe());
    let asked = asked.map_or("/", |asked| asked.as_str());
    let next = url::form_urlencoded::Serializer::new(String::new()).append_pair("next", asked).finish();
    let mut response = go_to(&format!("/login?{next}"));
    if cookies::get(request, cookies::SESSION).is_some() {
        set_cookie(&mut response, request, "", 0);
    }
    response
}

fn show(request: &HttpRequest, status: StatusCode, next: String, error: &'static str) -> HttpResponse {
    let login = Login { frame: Frame::of(request, "", "Sign in").still(), next, error };
    match login.render() {
        Ok(text) => html(status, text),
        Err(error) => refused(request, &Problem::Internal(error.into())),
    }
}

/// Only pages of this server: a path, and none that a browser takes for another host.
pub(super) fn here(next: &str) -> &str {
    let is_path =
        next.starts_with('/') && !next.starts_with("//") && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_path { next } else { "/" }
}

fn field(form: &[u8], name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(form);
    pairs.find(|(given, _)| given == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

fn set_cookie(response: &mut HttpResponse, request: &HttpRequest, session: &str, seconds: i64) {
    let secure = if over_tls(request) { "; Secure" } else { "" };
    let cookie =
        format!("{}={session}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", cookies::SESSION);
    if let Ok(value) = header::HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// By our own TLS, or by a proxy's: a browser says so in `Origin`.
fn over_tls(request: &HttpRequest) -> bool {
    let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    request.app_config().secure() || origin.is_some_and(|origin| origin.starts_with("https://"))
}

#[cfg(test)]
mod tests {
    use super::here;

    #[test]
    fn one_is_sent_to_pages_of_this_server_only() {
        assert_eq!(here("/alerts?dispatch_status=held&range=all"), "/alerts?dispatch_status=held&range=all");
        for elsewhere in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "/a\r\nset-cookie: x", "alerts"]
        {
            assert_eq!(here(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
