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
    faults::{ActiveFault, Fault},
    faulty,
    front::{Front, Service},
    reply::Reply,
    stream::{Event, Selection},
};

/// How long st2api keeps an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
/// The longest request line gunicorn reads.
const LONGEST_LINE: usize = 4094;
/// More than any test sends; `MongoDB`'s own limit is answered in [`super::create`].
const LARGEST_BODY: usize = 64 << 20;

/// Serves one listener.
pub(super) fn serve(service: Service, listener: TcpListener, control: &Control) -> io::Result<Server> {
    let control = Data::new(control.clone());
    let server = HttpServer::new(move || {
        App::new().app_data(control.clone()).app_data(PayloadConfig::new(LARGEST_BODY)).default_service(web::to(
            move |request: HttpRequest, body: Bytes, control: Data<Control>| async move {
                handle(service, &request, &body, &control).await
            },
        ))
    });
    let server = server.workers(1).keep_alive(KEEP_ALIVE).disable_signals().shutdown_timeout(1);
    Ok(server.listen(listener)?.run())
}

async fn handle(service: Service, request: &HttpRequest, body: &Bytes, control: &Control) -> HttpResponse {
    let id = wire::request_id(request);
    let line = wire::line_length(request);
    let call = wire::call(request, body, &id);
    let front = control.lock().front;
    if let Some(page) = front.refusal(line, &call) {
        return wire::page(page);
    }
    if line > LONGEST_LINE {
        return wire::page(wire::line_too_long(line, LONGEST_LINE));
    }
    if request.method() == "OPTIONS" {
        return wire::response(Answer::raw(200, "text/html; charset=UTF-8", Vec::new()), &id);
    }
    let reply = match destination(service, call) {
        Destination::Steering(call) => Reply::Answer(steer(control, &call)),
        Destination::Api(call) => front.seen(Service::Api, faulty::reply(control, call)).await,
        Destination::Tokens(call) => front.seen(Service::Auth, tokens(control, &call)).await,
        Destination::Stream(call) => match follow(control, &call, &id) {
            Ok(stream) => return stream,
            Err(reply) => front.seen(Service::Stream, std::future::ready(reply)).await,
        },
        Destination::Nowhere => Reply::Answer(Refusal::no_route().into()),
    };
    match reply {
        Reply::Answer(answer) => wire::response(answer, &id),
        Reply::Page(page) => wire::page(page),
        Reply::Close => wire::closed(),
        Reply::Silence => std::future::pending().await,
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

fn destination(service: Service, mut call: Call) -> Destination {
    let whole = call.path.clone();
    let path: Vec<&str> = whole.iter().map(String::as_str).collect();
    let (service, rest) = match (service, path.as_slice()) {
        (Service::Api, ["_stand_in", ..]) => return Destination::Steering(call),
        (Service::Api, ["api", rest @ ..]) => (Service::Api, rest),
        (Service::Api | Service::Auth, ["auth", rest @ ..]) => (Service::Auth, rest),
        (Service::Api, ["stream", rest @ ..]) => (Service::Stream, rest),
        (service, rest) => (service, rest),
    };
    let rest = rest.strip_prefix(&["v1"]).unwrap_or(rest);
    call.path = rest.iter().map(|part| (*part).to_owned()).collect();
    if let Some(first) = call.path.first_mut().filter(|first| *first == "actionexecutions") {
        "executions".clone_into(first);
    }
    match (service, rest) {
        (Service::Api, _) => Destination::Api(call),
        (Service::Auth, ["tokens"]) if call.method == "POST" => Destination::Tokens(call),
        (Service::Stream, ["stream"]) if call.method == "GET" => Destination::Stream(call),
        _ => Destination::Nowhere,
    }
}

async fn tokens(control: &Control, call: &Call) -> Reply {
    let (down, mongo_down) = {
        let faults = &control.lock().faults;
        (faults.is_set(&Fault::AuthDown), faults.mongo_down())
    };
    if down {
        return Reply::Close;
    }
    if let Some(millis) = mongo_down {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        return Reply::Answer(Answer::fault(500, "Internal Server Error"));
    }
    let answer = control.lock().post_token(call).unwrap_or_else(Answer::from);
    Reply::Answer(if answer.status == 201 { answer.with("X-API-URL", control.lock().api_url.clone()) } else { answer })
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
        ("POST", ["faults"]) => steered(control, call, |control, fault: ActiveFault| control.lock().faults.add(fault)),
        ("PUT", ["front"]) => steered(control, call, |control, front: Front| control.set_front(front)),
        _ => Refusal::no_route().into(),
    }
}

/// Sets what the body says.
fn steered<T: serde::de::DeserializeOwned>(control: &Control, call: &Call, set: impl FnOnce(&Control, T)) -> Answer {
    match serde_json::from_slice(&call.body) {
        Ok(wanted) => {
            set(control, wanted);
            Answer::json(200, &control.summary())
        }
        Err(error) => Answer::fault(400, &error.to_string()),
    }
}

/// The stream: a newline at once, then events, and a newline after a while without any.
fn follow(control: &Control, call: &Call, id: &str) -> Result<HttpResponse, Reply> {
    let state = control.lock();
    if state.faults.is_set(&Fault::StreamDown) {
        return Err(Reply::Close);
    }
    if let Err(refusal) = state.access.identify(call) {
        return Err(Reply::Answer(refusal.into()));
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
    Ok(wire::event_stream(futures_util::StreamExt::chain(first, rest), id))
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
