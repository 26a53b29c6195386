//! Faults on demand, each with what was recorded of the real one. The stand-in only.

use std::time::Duration;

use serde_json::{Value, json};
use st2_stand_in::Fault;

use super::{recording::Recording, session::Session, shape::Tolerance};

fn post(tag: &str) -> Value {
    json!({ "action": "core.noop", "context": { "trace_context": { "trace_tag": tag } } })
}

/// The only execution with this tag: its status, and whether it ever ran.
fn only(session: &Session, tag: &str) -> (String, bool) {
    let all = session.control().executions_with_tag(tag);
    assert_eq!(all.len(), 1, "{tag}");
    (all[0].status.clone(), all[0].started)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_pool_fails_every_post_and_leaves_orphans() {
    let mut session = Session::start();
    session.control().set_fault(Fault::PoisonedPool);
    for number in ["92", "92b", "92c"] {
        session.replay(number).await;
    }
    assert_eq!(session.get("/v1/executions").await.status, 200);
    session.control().clear_faults();
    assert_eq!(only(&session, "poison"), ("requested".to_owned(), false));
    let noop = session.run("core.noop", json!({})).await;
    session.until_ended(&noop).await;
    assert_eq!(only(&session, "poison"), ("requested".to_owned(), false), "an orphan never runs by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_rabbitmq_a_post_waits_and_its_orphan_is_there_at_once() {
    let mut session = Session::start();
    session.control().set_fault_times(Fault::RabbitDown { millis: 300 }, 1);
    let recorded = Recording::numbered("91");
    let (live, ()) = tokio::join!(session.send_recorded(&recorded), async {
        let path = "/v1/executions?filter=context.trace_context.trace_tag:rmq-down-7dce45d23ed94d9cb3819a8003f39ebc";
        session.until_json(path, |all| all.as_array().is_some_and(|all| all.len() == 1)).await;
    });
    session.hold("91", &recorded.response, &live.unwrap(), &Tolerance::default());
    session.control().set_fault_times(Fault::RabbitDown { millis: 1 }, 1);
    session.replay("91b").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orphans_are_revived_canceled_or_run_again_as_recorded() {
    let mut session = Session::start();
    session.control().set_fault_times(Fault::KilledMidPost, 3);
    for (number, tag, id) in [
        ("102", "orph0-890752046c83455892345f0aff968861", "6b0237ab3091e93602f135f8"),
        ("102", "orph1-08d25ba9a09c43a5870700bbc6cdfbe8", "6b0237aa3091e93602f135f5"),
        ("102", "orph2-411ef460332f4a4d85b6e0d5d9fcff43", "6b0236bb3117e68b4306befd"),
    ] {
        let mut recorded = Recording::numbered(number);
        let body = recorded.request.body.as_ref().unwrap().replace("orph0-890752046c83455892345f0aff968861", tag);
        recorded.request.body = Some(body);
        let error = session.send_recorded(&recorded).await.unwrap_err();
        assert!(!error.is_timeout() && !error.is_connect(), "{error}");
        assert_eq!(only(&session, tag), ("requested".to_owned(), false));
        session.ids.insert(id.to_owned(), session.control().executions_with_tag(tag)[0].id.clone());
    }
    for number in ["94", "94b", "94c"] {
        session.replay(number).await;
    }
    session.until_ended(&session.id("6b0237ab3091e93602f135f8")).await;
    session.replay("94d").await;
    session.replay("95").await;
    let tolerance = Tolerance { values: vec!["poundcake_request_id"], ..Tolerance::default() };
    session.replay_within("96", &tolerance).await;
    session.replay("96b").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_mongo_everything_is_500() {
    let mut session = Session::start();
    session.control().set_fault(Fault::MongoDown { millis: 1 });
    for number in ["100", "100b", "100c", "100d", "100e"] {
        session.replay(number).await;
    }
    session.control().clear_faults();
    assert!(session.control().executions().is_empty());
    session.replay("101").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_components_hold_their_work_until_they_are_back() {
    let mut session = Session::start();
    let tag = "sched-down-1e6d0521d1b044939c7b795b9b1decf3";
    session.control().set_fault(Fault::SchedulerStopped);
    session.replay("90").await;
    assert_eq!(only(&session, tag), ("requested".to_owned(), false));
    session.control().clear_faults();
    session.until_ended(&session.control().executions_with_tag(tag)[0].id).await;

    session.control().set_fault(Fault::RulesEngineStopped);
    session.replay("128").await;
    let path = "/v1/traces?trace_tag=re-down-0c370db39a8445bab153e8833acb0982";
    assert_eq!(session.get(path).await.json, json!([]));
    session.control().clear_faults();
    session.until_json(path, |traces| traces[0]["action_executions"][0].is_object()).await;

    session.control().set_fault(Fault::ActionRunnerStopped);
    let id = session.run("core.noop", json!({})).await;
    session.until(&id, |status| status == "scheduled").await;
    session.control().clear_faults();
    session.until_ended(&id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terminated_runners_abandon_and_killed_ones_say_nothing() {
    let mut session = Session::start();
    session.control().set_fault(Fault::ActionRunnerTerminated);
    let id = session.run("core.local", json!({ "cmd": "sleep 0" })).await;
    session.until_ended(&id).await;
    let recorded = Recording::numbered("134");
    let query = recorded.request.url.split_once('?').unwrap().1;
    let live = session.get(&format!("/v1/executions/{id}?{query}")).await;
    session.hold("134", &recorded.response, &live, &Tolerance::default());
    session.control().clear_faults();
    session.control().set_fault(Fault::ActionRunnerKilled);
    let id = session.run("core.noop", json!({})).await;
    session.until(&id, |status| status == "running").await;
    session.send("DELETE", &format!("/v1/executions/{id}"), None).await;
    assert_eq!(session.until_ended(&id).await["status"], "canceled");
    session.control().forget(&id);
    assert_eq!(session.get(&format!("/v1/executions/{id}")).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_posts_at_once_are_twenty_traces() {
    let mut session = Session::start();
    let recorded = Recording::numbered("136");
    let tag = recorded.request.url.split_once("trace_tag=").unwrap().1.split_once('&').unwrap().0.to_owned();
    let posts = (0..20).map(|_| session.send("POST", "/v1/executions", Some(post(&tag))));
    assert!(futures_util::future::join_all(posts).await.iter().all(|live| live.status == 201));
    for execution in session.control().executions_with_tag(&tag) {
        session.until_ended(&execution.id).await;
    }
    // Each has its own trigger by now, or will have: their number is not compared.
    session.replay_within("136", &Tolerance { lists_by_prefix: true, ..Tolerance::default() }).await;
    assert_eq!(session.control().executions_with_tag(&tag).len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_never_come_and_the_execution_runs_all_the_same() {
    let session = Session::start();
    let (soon, in_time) = (Duration::from_secs(1), Duration::from_secs(30));
    session.control().set_fault_times(Fault::NeverAnswer, 1);
    assert!(session.try_send("/v1/executions", post("silent"), soon).await.unwrap_err().is_timeout());
    session.control().set_fault_times(Fault::CloseAfterCreate, 1);
    assert!(!session.try_send("/v1/executions", post("closed"), in_time).await.unwrap_err().is_timeout());
    session.control().set_fault_times(Fault::CloseBeforeCreate, 1);
    assert!(!session.try_send("/v1/executions", post("nothing"), in_time).await.unwrap_err().is_timeout());
    session.control().set_fault_times(Fault::ErrorRunning, 1);
    assert_eq!(session.try_send("/v1/executions", post("error"), in_time).await.unwrap().status, 500);
    for tag in ["silent", "closed", "error"] {
        let id = session.control().executions_with_tag(tag)[0].id.clone();
        assert_eq!(session.until_ended(&id).await["status"], "succeeded", "{tag}");
    }
    assert!(session.control().executions_with_tag("nothing").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_worker_creates_after_its_client_has_gone() {
    let session = Session::start();
    session.control().set_fault_times(Fault::LateCreation { millis: 3000 }, 1);
    session.send_and_leave("/v1/executions", post("late")).await;
    assert_eq!(session.get("/v1/traces?trace_tag=late").await.json, json!([]), "a negative lookup is not final");
    session.until_json("/v1/traces?trace_tag=late", |traces| traces[0].is_object()).await;
    session.until_ended(&session.control().executions_with_tag("late")[0].id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_and_refused_credentials_answer_for_as_long_as_the_fault_says() {
    let session = Session::start();
    session.control().set_fault_times(Fault::Proxy { status: 502, reached: false, lookups: false }, 1);
    session.control().set_fault_times(Fault::Proxy { status: 504, reached: true, lookups: false }, 1);
    for (status, tag, created) in [(502, "bad-gateway", 0), (504, "gateway-timeout", 1)] {
        let live = session.send("POST", "/v1/executions", Some(post(tag))).await;
        assert_eq!((live.status, &live.headers["Content-Type"]), (status, &"text/html".parse().unwrap()));
        assert_eq!(session.control().executions_with_tag(tag).len(), created);
    }
    session.control().set_fault_times(Fault::Unauthorized, 2);
    assert_eq!(session.get("/v1/executions").await.status, 401);
    assert_eq!(session.send("POST", "/v1/executions", Some(post("x"))).await.status, 401);
    assert_eq!(session.get("/v1/executions").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_steers_and_looks_over_http() {
    let session = Session::start();
    let fault = json!({ "fault": "late_creation", "millis": 60000, "times": 1 });
    let set = session.send("POST", "/_stand_in/faults", Some(fault.clone())).await;
    assert_eq!(set.json["faults"], json!([fault]));
    session.send("DELETE", "/_stand_in/faults", None).await;
    let front = json!({ "front": "proxy", "status": 404, "patience_millis": 1000 });
    assert_eq!(session.send("PUT", "/_stand_in/front", Some(front.clone())).await.json["front"], front);
    session.send("PUT", "/_stand_in/front", Some(json!({ "front": "nothing" }))).await;
    let id = session.send("POST", "/v1/executions", Some(post("seen"))).await.json["id"].as_str().unwrap().to_owned();
    session.until_ended(&id).await;
    let state = session.get("/_stand_in/state").await.json;
    assert_eq!((&state["seen"]["posts"], &state["roots"], &state["started"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(state["by_tag"]["seen"][0]["status"], "succeeded");
    assert_eq!(session.send("POST", "/_stand_in/faults", Some(json!({ "fault": "nope" }))).await.status, 400);
}
