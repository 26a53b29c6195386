//! Who answers: st2api with the client's `X-Request-ID`, or something in front of it without. The stand-in only.

use serde_json::{Value, json};
use st2_stand_in::{Fault, Front};

use super::session::{Live, Session};

fn post(tag: &str) -> Value {
    json!({ "action": "core.noop", "context": { "trace_context": { "trace_tag": tag } } })
}

const UNREACHABLE: &str = "Nginx is unable to reach st2api. Make sure service is running.";

fn kind(live: &Live) -> &str {
    live.headers["Content-Type"].to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_application_has_the_clients_id() {
    let session = Session::start();
    let control = session.control();
    let held = async |status: u16, method: &str, path: &str, body: Option<Value>| {
        let (live, echoed) = session.send_with_id(method, path, body).await;
        assert_eq!((live.status, echoed), (status, true), "{method} {path}: {}", live.text);
    };
    held(201, "POST", "/v1/executions", Some(post("a"))).await;
    held(400, "POST", "/v1/executions", Some(json!({ "action": "nope.nope" }))).await;
    held(202, "POST", "/v1/webhooks/poundcake_alert", Some(json!({}))).await;
    held(404, "POST", "/v1/webhooks/nosuch", Some(json!({}))).await;
    held(200, "GET", "/v1/traces?trace_tag=a", None).await;
    held(404, "GET", "/v1/executions/nosuch", None).await;
    held(404, "GET", "/v1/no/such/route", None).await;
    held(200, "OPTIONS", "/v1/executions", None).await;
    held(401, "POST", "/auth/tokens", None).await;
    let refused = [("St2-Api-Key", "bad"), ("X-Request-ID", "of-the-stream")];
    let stream = session.send_with("GET", "/stream/v1/stream", &refused, None).await;
    assert_eq!((stream.status, &stream.headers["X-Request-ID"]), (401, &"of-the-stream".parse().unwrap()));
    control.set_fault_times(Fault::Unauthorized, 1);
    held(401, "POST", "/v1/executions", Some(post("b"))).await;
    for fault in [
        Fault::PoisonedPool,
        Fault::RabbitDown { millis: 1 },
        Fault::MongoDown { millis: 1 },
        Fault::ErrorRunning,
        Fault::GunicornError { reached: false },
    ] {
        control.set_fault_times(fault.clone(), 1);
        let (live, echoed) = session.send_with_id("POST", "/v1/executions", Some(post("c"))).await;
        let application = !matches!(fault, Fault::GunicornError { .. });
        assert_eq!((live.status, echoed, live.json.is_object()), (500, application, application), "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_nginx_a_dead_upstream_is_its_503_whether_or_not_it_had_worked() {
    let session = Session::start();
    session.control().set_front(Front::nginx());
    for (fault, tag, worked) in [
        (Fault::CloseAfterCreate, "after", 1),
        (Fault::CloseBeforeCreate, "before", 0),
        (Fault::KilledMidPost, "mid", 1),
        (Fault::ApiDown, "down", 0),
    ] {
        session.control().set_fault_times(fault, 1);
        let (live, echoed) = session.send_with_id("POST", "/api/v1/executions", Some(post(tag))).await;
        assert_eq!((live.status, kind(&live), echoed), (503, "application/json", false), "{tag}");
        assert_eq!(live.json, json!({ "faultstring": UNREACHABLE }));
        assert_eq!(session.control().executions_with_tag(tag).len(), worked, "{tag}");
    }
    session.control().set_fault_times(Fault::CloseAfterCreate, 1);
    let header = [("St2-Trace-Tag", "hook")];
    let live = session.send_with("POST", "/api/v1/webhooks/poundcake_alert", &header, Some("{}".to_owned())).await;
    assert_eq!(live.status, 503);
    session.until_json("/v1/traces?trace_tag=hook", |traces| traces[0].is_object()).await;
    let (through, echoed) = session.send_with_id("POST", "/api/v1/executions", Some(post("fine"))).await;
    assert_eq!((through.status, echoed), (201, true), "what st2api answers passes through");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_nginx_silence_is_504_and_limits_are_pages() {
    let session = Session::start();
    session.control().set_front(Front::Nginx { patience_millis: 50 });
    session.control().set_fault_times(Fault::NeverAnswer, 1);
    session.control().set_fault_times(Fault::HangThenAct { millis: 3000 }, 1);
    for tag in ["never", "hangs"] {
        let (live, echoed) = session.send_with_id("POST", "/v1/executions", Some(post(tag))).await;
        assert_eq!((live.status, kind(&live), echoed), (504, "text/html", false), "{tag}");
    }
    assert!(session.control().executions_with_tag("hangs").is_empty());
    session.until_json("/v1/traces?trace_tag=hangs", |traces| traces[0].is_object()).await;
    session.control().set_front(Front::nginx());
    let large = json!({ "action": "core.noop", "context": { "text": "x".repeat(2 << 20) } });
    let (live, echoed) = session.send_with_id("POST", "/v1/executions", Some(large)).await;
    assert_eq!((live.status, kind(&live), echoed), (413, "text/html", false));
    for (length, status, by) in [(5000, 400, "Request Line is too large"), (9000, 414, "nginx")] {
        let (live, echoed) = session.send_with_id("GET", &format!("/v1/traces?x={}", "x".repeat(length)), None).await;
        assert_eq!((live.status, echoed), (status, false));
        assert!(live.text.contains(by), "{}", live.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_nginx_a_dead_stream_is_an_empty_one_and_dead_auth_is_503() {
    let session = Session::start();
    session.control().set_front(Front::nginx());
    session.control().set_fault(Fault::StreamDown);
    session.control().set_fault(Fault::AuthDown);
    let stream = session.get("/stream/v1/stream").await;
    assert_eq!((stream.status, kind(&stream), stream.text.as_str()), (200, "text/event-stream", "retry: 1000\n\n"));
    let (auth, echoed) = session.send_with_id("POST", "/auth/tokens", None).await;
    assert_eq!((auth.status, echoed), (503, false));
    assert_eq!(auth.json["faultstring"], "Nginx is unable to reach st2auth. Make sure service is running.");
    assert_eq!(session.get("/v1/executions").await.status, 200, "the API is up");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_proxy_answers_with_its_page() {
    let session = Session::start();
    for status in [404, 502] {
        session.control().set_front(Front::Proxy { status, patience_millis: 50 });
        session.control().set_fault_times(Fault::CloseBeforeCreate, 1);
        session.control().set_fault_times(Fault::NeverAnswer, 1);
        for expected in [status, 504] {
            let (live, echoed) = session.send_with_id("POST", "/v1/executions", Some(post("p"))).await;
            assert_eq!((live.status, kind(&live), echoed), (expected, "text/html", false));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_come_without_a_front_too_and_never_have_the_clients_id() {
    let session = Session::start();
    for (fault, status, text) in [
        (Fault::NginxUnreachable { reached: false, lookups: false }, 503, UNREACHABLE),
        (Fault::Proxy { status: 404, reached: false, lookups: false }, 404, "404 Not Found"),
        (Fault::Proxy { status: 413, reached: false, lookups: false }, 413, "413 Request Entity Too Large"),
        (Fault::Proxy { status: 414, reached: false, lookups: false }, 414, "414 Request-URI Too Large"),
        (Fault::Proxy { status: 431, reached: false, lookups: false }, 431, "431 Request Header Fields Too Large"),
        (Fault::Proxy { status: 503, reached: false, lookups: false }, 503, "503 Service Temporarily Unavailable"),
        (Fault::PlainToTls, 400, "The plain HTTP request was sent to HTTPS port"),
        (Fault::Redirect { status: 301 }, 301, "301 Moved Permanently"),
        (Fault::Redirect { status: 302 }, 302, "302 Found"),
        (Fault::Redirect { status: 307 }, 307, "307 Temporary Redirect"),
        (Fault::Redirect { status: 308 }, 308, "308 Permanent Redirect"),
    ] {
        session.control().set_fault_times(fault.clone(), 1);
        let (live, echoed) = session.send_with_id("POST", "/v1/executions", Some(post("page"))).await;
        assert_eq!((live.status, echoed), (status, false), "{fault:?}");
        assert!(live.text.contains(text), "{fault:?}: {}", live.text);
        let location = live.headers.get("Location").map(|value| value.to_str().unwrap());
        assert_eq!(
            location.is_some_and(|to| to.ends_with("/executions")),
            (300..400).contains(&status),
            "{location:?}"
        );
    }
    assert!(session.control().executions_with_tag("page").is_empty(), "nothing got through");
    session.control().set_fault_times(Fault::NginxUnreachable { reached: true, lookups: true }, 2);
    assert_eq!(session.send("POST", "/v1/executions", Some(post("reached"))).await.status, 503);
    assert_eq!(session.get("/v1/traces?trace_tag=reached").await.status, 503);
    session.until_json("/v1/traces?trace_tag=reached", |traces| traces[0].is_object()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_hangs_acts_after_its_client_has_gone() {
    let session = Session::start();
    session.control().set_fault_times(Fault::HangThenAct { millis: 3000 }, 2);
    session.send_and_leave("/v1/executions", post("hung")).await;
    session.send_and_leave("/v1/webhooks/poundcake_alert", json!({ "request_id": "hung-hook" })).await;
    assert_eq!(session.get("/v1/traces").await.json, json!([]), "a healthy lookup finds nothing yet");
    session.control().set_fault_times(Fault::HangThenAct { millis: 100 }, 1);
    let (live, echoed) = session.send_with_id("POST", "/v1/executions", Some(post("waited"))).await;
    assert_eq!((live.status, echoed), (201, true), "who waits gets the answer");
    session.until_json("/v1/traces?trace_tag=hung", |traces| traces[0].is_object()).await;
    let published =
        |all: &Value| all.as_array().unwrap().iter().any(|one| one["payload"]["body"]["request_id"] == "hung-hook");
    session.until_json("/v1/triggerinstances", published).await;
}
