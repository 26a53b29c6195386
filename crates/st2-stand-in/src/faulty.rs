//! A request under a fault: when it is answered, with what, and what happens all the same.

use std::time::Duration;

use tokio::{sync::oneshot, time::sleep};

use super::{
    answer::{Answer, Call, Refusal},
    control::Control,
    faults::{Fault, Kind},
    front::{self, Service},
    ids::key_hash,
    publishing::Publishing,
    reply::Reply,
    routes, times,
};

/// Answers a request of the API, under the faults in force.
pub(super) async fn reply(control: &Control, call: Call) -> Reply {
    let kind = kind_of(&call);
    let fault = {
        let mut state = control.lock();
        count(&mut state.seen, &call, kind);
        if let Some(tag) = tag(&call, kind) {
            state.arrivals.push((tag, times::now()));
        }
        state.faults.strike(kind)
    };
    let Some(fault) = fault else { return Reply::Answer(plain(control, &call)) };
    match fault {
        Fault::Delay { millis } => {
            sleep(Duration::from_millis(millis)).await;
            Reply::Answer(plain(control, &call))
        }
        Fault::HangThenAct { millis } => hang(control, call, millis).await,
        Fault::RabbitDown { millis } => {
            let answer = orphaned(control, &call, kind, "[Errno 111] ECONNREFUSED");
            sleep(Duration::from_millis(millis)).await;
            Reply::Answer(answer)
        }
        Fault::MongoDown { millis } => {
            sleep(Duration::from_millis(millis)).await;
            Reply::Answer(internal_error())
        }
        other => own_answer(control, &call, kind, &other).unwrap_or_else(|| disconnected(control, call, kind, &other)),
    }
}

/// Faults that st2api answers itself: with the client's `X-Request-ID`.
fn own_answer(control: &Control, call: &Call, kind: Kind, fault: &Fault) -> Option<Reply> {
    let publishing = |publishing| routes::answer(&mut control.lock(), call, publishing);
    let answer = match fault {
        Fault::Unauthorized => refused(call),
        Fault::PoisonedPool => orphaned(control, call, kind, "'NoneType' object has no attribute 'channel'"),
        Fault::ErrorRunning => {
            let answer = plain(control, call);
            if answer.status < 300 { internal_error() } else { answer }
        }
        Fault::WebhookNotRegistered { .. } => unregistered(control, call, kind),
        Fault::WebhookLost => publishing(Publishing::Lost),
        Fault::TriggerTwice => publishing(Publishing::Twice),
        Fault::PublishFailsHalfway => {
            let answer = publishing(Publishing::FirstOfSeveral);
            if answer.status < 300 { internal_error() } else { answer }
        }
        _ => return None,
    };
    Some(Reply::Answer(answer))
}

/// Faults after which the client has no answer of StackStorm's own, or none at all.
fn disconnected(control: &Control, call: Call, kind: Kind, fault: &Fault) -> Reply {
    let work_if = |reached: bool| {
        if reached {
            plain(control, &call);
        }
    };
    match fault {
        Fault::NeverAnswer => {
            work_if(true);
            Reply::Silence
        }
        Fault::CloseAfterCreate => {
            work_if(true);
            Reply::Close
        }
        Fault::KilledMidPost => {
            if kind == Kind::Create {
                routes::answer(&mut control.lock(), &call, Publishing::Lost);
            }
            Reply::Close
        }
        Fault::LateCreation { millis } => {
            // No client waits for this work.
            drop(later(control, call, *millis));
            Reply::Silence
        }
        Fault::Proxy { status, reached, .. } => {
            work_if(*reached);
            Reply::Page(front::page(*status))
        }
        Fault::NginxUnreachable { reached, .. } => {
            work_if(*reached);
            Reply::Page(front::nginx_unreachable(Service::Api))
        }
        Fault::GunicornError { reached } => {
            work_if(*reached);
            Reply::Page(front::gunicorn_error())
        }
        Fault::Redirect { status } => Reply::Page(front::redirect(*status, &call)),
        Fault::PlainToTls => Reply::Page(front::plain_to_tls()),
        _ => Reply::Close,
    }
}

/// The work of a request that hangs: it is done even when its client has gone.
fn later(control: &Control, call: Call, millis: u64) -> oneshot::Receiver<Answer> {
    let (done, answer) = oneshot::channel();
    let control = control.clone();
    tokio::spawn(async move {
        sleep(Duration::from_millis(millis)).await;
        // A client that has gone needs no answer.
        drop(done.send(plain(&control, &call)));
    });
    answer
}

async fn hang(control: &Control, call: Call, millis: u64) -> Reply {
    later(control, call, millis).await.map_or(Reply::Close, Reply::Answer)
}

/// The answer of a healthy StackStorm.
fn plain(control: &Control, call: &Call) -> Answer {
    routes::answer(&mut control.lock(), call, Publishing::Once)
}

/// Stores without publishing, then the error; a webhook stores nothing. What is refused anyway is refused.
fn orphaned(control: &Control, call: &Call, kind: Kind, text: &str) -> Answer {
    let answer = routes::answer(&mut control.lock(), call, Publishing::Lost);
    match kind {
        _ if answer.status >= 300 => answer,
        Kind::Webhook => internal_error(),
        _ => Answer::fault(500, text),
    }
}

/// What a worker says that knows of no webhook. What is refused anyway is refused.
fn unregistered(control: &Control, call: &Call, kind: Kind) -> Answer {
    let answer = routes::answer(&mut control.lock(), call, Publishing::Lost);
    match (kind, call.path.get(1)) {
        _ if answer.status >= 300 => answer,
        (Kind::Webhook, Some(url)) => Answer::fault(404, &format!("Webhook {url} not registered with st2")),
        (_, Some(_)) => Refusal::no_route().into(),
        _ => Answer::json(200, &serde_json::json!([])),
    }
}

fn internal_error() -> Answer {
    Answer::fault(500, "Internal Server Error")
}

fn refused(call: &Call) -> Answer {
    let why = match call.header("st2-api-key").or_else(|| call.query("st2-api-key")) {
        Some(key) => format!(" - ApiKey with key_hash={} not found.", key_hash(key)),
        None => String::new(),
    };
    Refusal::new(401, format!("Unauthorized{why}")).into()
}

fn kind_of(call: &Call) -> Kind {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        ("POST", ["executions"] | ["executions", _, "re_run"]) => Kind::Create,
        ("POST", ["webhooks", ..]) => Kind::Webhook,
        ("GET", ["webhooks", ..]) => Kind::Webhooks,
        _ => Kind::Other,
    }
}

fn count(seen: &mut super::state::Seen, call: &Call, kind: Kind) {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match (kind, call.method.as_str(), path.as_slice()) {
        (Kind::Create, _, ["executions"]) => seen.posts += 1,
        (Kind::Webhook, ..) => seen.webhooks += 1,
        (_, "GET", ["traces", ..] | ["executions"]) => seen.lookups += 1,
        _ => {}
    }
}

/// The trace tag of a POST: in the body, or in a header.
fn tag(call: &Call, kind: Kind) -> Option<String> {
    match kind {
        Kind::Create => {
            let body: serde_json::Value = serde_json::from_slice(&call.body).ok()?;
            body["context"]["trace_context"]["trace_tag"].as_str().map(str::to_owned)
        }
        Kind::Webhook => call.header("st2-trace-tag").map(str::to_owned),
        _ => None,
    }
}
