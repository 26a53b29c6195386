//! The three listeners: HTTP around the pure part.

mod wire;

use std::{io, net::TcpListener, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::Server,
    web::{self, Bytes, Data, PayloadConfig},
};
use futures_util::stream;
use tokio::{sync::broadcast, time::timeout};

use super::{
    answer::{Answer, Call, Refusal},
    control::Control,
    faults::ActiveFault,
    faulty::{self, Reply},
    stream::{Event, Selection},
};

/// How long st2api keeps an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// The longest request line gunicorn reads.
const LONGEST_LINE: usize = 4094;
/// More than any test sends; `MongoDB`'s own limit is answered in [`super::create`].
const LARGEST_BODY: usize = 64 << 20;

/// Which of the three a listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Api,
    Auth,
    Stream,
}

/// Serves one listener.
pub(super) fn serve(role: Role, listener: TcpListener, control: &Control) -> io::Result<Server> {
    let control = Data::new(control.clone());
    let server = HttpServer::new(move || {
        App::new().app_data(control.clone()).app_data(PayloadConfig::new(LARGEST_BODY)).default_service(web::to(
            move |request: HttpRequest, body: Bytes, control: Data<Control>| async move {
                handle(role, &request, &body, &control).await
            },
        ))
    });
    let server = server.workers(1).keep_alive(KEEP_ALIVE).disable_signals().shutdown_timeout(1);
    Ok(server.listen(listener)?.run())
}

async fn handle(role: Role, request: &HttpRequest, body: &Bytes, control: &Control) -> HttpResponse {
    let id = wire::request_id(request);
    let line = wire::line_length(request);
    if line > LONGEST_LINE {
        return wire::response(wire::line_too_long(line, LONGEST_LINE), &id);
    }
    if request.method() == "OPTIONS" {
        return wire::response(Answer::raw(200, "text/html; charset=UTF-8", Vec::new()), &id);
    }
    let call = wire::call(request, body, &id);
    match destination(role, call) {
        Destination::Steering(call) => wire::response(steer(control, &call), &id),
        Destination::Api(call) => match faulty::reply(control, call).await {
            Reply::Answer(answer) => wire::response(answer, &id),
            Reply::Close => wire::closed(),
            Reply::Silence => std::future::pending().await,
        },
        Destination::Tokens(call) => wire::response(tokens(control, &call).await, &id),
        Destination::Stream(call) => follow(control, &call, &id),
        Destination::Nowhere => wire::response(Refusal::no_route().into(), &id),
    }
}

/// Where a request goes, its path without the prefix.
enum Destination {
    Api(Call),
    Tokens(Call),
    Stream(Call),
    Steering(Call),
    Nowhere,
}

fn destination(role: Role, mut call: Call) -> Destination {
    let whole = call.path.clone();
    let path: Vec<&str> = whole.iter().map(String::as_str).collect();
    let (role, rest) = match (role, path.as_slice()) {
        (Role::Api, ["_stand_in", ..]) => return Destination::Steering(call),
        (Role::Api, ["api", rest @ ..]) => (Role::Api, rest),
        (Role::Api | Role::Auth, ["auth", rest @ ..]) => (Role::Auth, rest),
        (Role::Api, ["stream", rest @ ..]) => (Role::Stream, rest),
        (role, rest) => (role, rest),
    };
    let rest = rest.strip_prefix(&["v1"]).unwrap_or(rest);
    call.path = rest.iter().map(|part| (*part).to_owned()).collect();
    if let Some(first) = call.path.first_mut().filter(|first| *first == "actionexecutions") {
        "executions".clone_into(first);
    }
    match (role, rest) {
        (Role::Api, _) => Destination::Api(call),
        (Role::Auth, ["tokens"]) if call.method == "POST" => Destination::Tokens(call),
        (Role::Stream, ["stream"]) if call.method == "GET" => Destination::Stream(call),
        _ => Destination::Nowhere,
    }
}

async fn tokens(control: &Control, call: &Call) -> Answer {
    let mongo_down = control.lock().faults.mongo_down();
    if let Some(millis) = mongo_down {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        return Answer::fault(500, "Internal Server Error");
    }
    let answer = control.lock().post_token(call).unwrap_or_else(Answer::from);
    if answer.status == 201 { answer.with("X-API-URL", control.lock().api_url.clone()) } else { answer }
}

/// The routes that steer the stand-in itself; StackStorm has none of them.
fn steer(control: &Control, call: &Call) -> Answer {
    let path: Vec<&str> = call.path.iter().skip(1).map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        ("GET", ["state"]) => Answer::json(200, &control.summary()),
        ("DELETE", ["faults"]) => {
            control.clear_faults();
            Answer::json(200, &control.summary())
        }
        ("POST", ["faults"]) => match serde_json::from_slice::<ActiveFault>(&call.body) {
            Ok(fault) => {
                control.lock().faults.add(fault);
                Answer::json(200, &control.summary())
            }
            Err(error) => Answer::fault(400, &error.to_string()),
        },
        _ => Refusal::no_route().into(),
    }
}

/// The stream: a newline at once, then events, and a newline after a while without any.
fn follow(control: &Control, call: &Call, id: &str) -> HttpResponse {
    let state = control.lock();
    if let Err(refusal) = state.access.identify(call) {
        return wire::response(refusal.into(), id);
    }
    let reader = Reader {
        events: state.events.subscribe(),
        selection: Selection::read(call),
        heartbeat: state.pace.heartbeat,
        ended: false,
    };
    drop(state);
    let first = stream::iter([Ok::<_, io::Error>(Bytes::from_static(b"\n"))]);
    let rest = stream::unfold(reader, |mut reader| async move {
        let chunk = reader.next().await?;
        Some((Ok(chunk), reader))
    });
    wire::event_stream(futures_util::StreamExt::chain(first, rest), id)
}

struct Reader {
    events: broadcast::Receiver<std::sync::Arc<Event>>,
    selection: Selection,
    heartbeat: Duration,
    ended: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        while !self.ended {
            match timeout(self.heartbeat, self.events.recv()).await {
                // Any event, even one that is filtered out, puts the heartbeat off.
                Ok(Ok(event)) => {
                    self.ended = self.selection.ends_with(&event);
                    if self.selection.includes(&event) {
                        return Some(Bytes::copy_from_slice(event.frame().as_bytes()));
                    }
                }
                Ok(Err(broadcast::error::RecvError::Lagged(_))) => {}
                Ok(Err(broadcast::error::RecvError::Closed)) => return None,
                Err(_) => return Some(Bytes::from_static(b"\n")),
            }
        }
        None
    }
}
