//! A request under a fault: when it is answered, with what, and what happens all the same.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    answer::{Answer, Call, Refusal},
    control::Control,
    faults::{Fault, Kind},
    ids::key_hash,
    routes,
};

/// What the HTTP side does with a request.
pub(super) enum Reply {
    Answer(Answer),
    /// Closes the connection without a byte.
    Close,
    /// Says nothing until the client goes.
    Silence,
}

/// Answers a request of the API, under the faults in force.
pub(super) async fn reply(control: &Control, call: Call) -> Reply {
    let kind = kind_of(&call);
    let fault = {
        let mut state = control.lock();
        count(&mut state.seen, &call, kind);
        state.faults.strike(kind)
    };
    let Some(fault) = fault else { return Reply::Answer(plain(control, &call)) };
    match fault {
        Fault::Delay { millis } => {
            sleep(Duration::from_millis(millis)).await;
            Reply::Answer(plain(control, &call))
        }
        Fault::MongoDown { millis } => {
            sleep(Duration::from_millis(millis)).await;
            Reply::Answer(internal_error())
        }
        Fault::Unauthorized => Reply::Answer(refused(&call)),
        Fault::RabbitDown { millis } => {
            let answer = orphaned(control, &call, kind, "[Errno 111] ECONNREFUSED");
            sleep(Duration::from_millis(millis)).await;
            Reply::Answer(answer)
        }
        Fault::PoisonedPool => {
            Reply::Answer(orphaned(control, &call, kind, "'NoneType' object has no attribute 'channel'"))
        }
        other => disconnected(control, call, kind, &other),
    }
}

/// Faults after which the client has no answer of StackStorm's own, or none at all.
fn disconnected(control: &Control, call: Call, kind: Kind, fault: &Fault) -> Reply {
    match fault {
        Fault::NeverAnswer => {
            plain(control, &call);
            Reply::Silence
        }
        Fault::CloseAfterCreate => {
            plain(control, &call);
            Reply::Close
        }
        Fault::KilledMidPost => {
            if kind == Kind::Create {
                routes::answer(&mut control.lock(), &call, false);
            }
            Reply::Close
        }
        Fault::LateCreation { millis } => {
            let (control, wait) = (control.clone(), Duration::from_millis(*millis));
            tokio::spawn(async move {
                sleep(wait).await;
                plain(&control, &call);
            });
            Reply::Silence
        }
        Fault::ErrorRunning => {
            let answer = plain(control, &call);
            Reply::Answer(if answer.status < 300 { internal_error() } else { answer })
        }
        Fault::Proxy { status, reached, .. } => {
            if *reached {
                plain(control, &call);
            }
            Reply::Answer(proxy_page(*status))
        }
        _ => Reply::Close,
    }
}

/// The answer of a healthy StackStorm.
fn plain(control: &Control, call: &Call) -> Answer {
    routes::answer(&mut control.lock(), call, true)
}

/// Stores without publishing, then the error; a webhook stores nothing. What is refused anyway is refused.
fn orphaned(control: &Control, call: &Call, kind: Kind, text: &str) -> Answer {
    let mut state = control.lock();
    if kind == Kind::Webhook {
        return match state.access.identify(call) {
            Ok(_) => internal_error(),
            Err(refusal) => refusal.into(),
        };
    }
    let answer = routes::answer(&mut state, call, false);
    if answer.status < 300 { Answer::fault(500, text) } else { answer }
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

/// What nginx writes.
fn proxy_page(status: u16) -> Answer {
    let name = if status == 504 { "Gateway Time-out" } else { "Bad Gateway" };
    let page = format!(
        "<html>\r\n<head><title>{status} {name}</title></head>\r\n<body>\r\n<center><h1>{status} {name}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    Answer::raw(status, "text/html", page.into_bytes())
}

fn kind_of(call: &Call) -> Kind {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match (call.method.as_str(), path.as_slice()) {
        ("POST", ["executions"] | ["executions", _, "re_run"]) => Kind::Create,
        ("POST", ["webhooks", ..]) => Kind::Webhook,
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
