//! Every route of the API on one screen; nothing else is a route, and a wrong method is 404.

use serde_json::json;

use super::{
    access::Identity,
    answer::{Answer, Call, Outcome, Refusal, by_id, found},
    catalog,
    publishing::Publishing,
    query::{self, Page},
    state::State,
    trace::{Kind, Trace},
};

/// Answers a request of the API, without any other fault.
pub(super) fn answer(state: &mut State, call: &Call, publishing: Publishing) -> Answer {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let method = call.method.as_str();
    if !is_route(method, &path) {
        return Refusal::no_route().into();
    }
    let identity = match state.access.identify(call) {
        Ok(identity) => identity,
        Err(refusal) => return refusal.into(),
    };
    let answer = route(state, call, method, &path, &identity, publishing).unwrap_or_else(Answer::from);
    match identity.cookie() {
        Some(cookie) if answer.status < 400 => answer.with("Set-Cookie", cookie),
        _ => answer,
    }
}

/// Whether there is such a route: asked before the credentials are.
fn is_route(method: &str, path: &[&str]) -> bool {
    match path {
        ["executions" | "apikeys" | "rules"] => matches!(method, "GET" | "POST"),
        ["executions", _, "re_run"] | ["packs", "register"] => method == "POST",
        ["executions" | "apikeys" | "rules", id] if *id != "views" => matches!(method, "GET" | "PUT" | "DELETE"),
        ["webhooks", _] => matches!(method, "GET" | "POST"),
        _ => method == "GET" && is_read(path),
    }
}

/// What can only be read.
fn is_read(path: &[&str]) -> bool {
    const LISTS: [&str; 10] = [
        "traces",
        "triggerinstances",
        "ruleenforcements",
        "actions",
        "triggertypes",
        "triggers",
        "packs",
        "policies",
        "runnertypes",
        "rules",
    ];
    match path {
        []
        | ["user" | "webhooks"]
        | ["service_registry", "groups"]
        | ["executions", "views", "filters"]
        | ["executions", _, "children" | "result" | "output"]
        | ["executions", _, "attribute", _]
        | ["actions", "views", "overview"]
        | ["actions", "views", "overview" | "parameters" | "entry_point", _] => true,
        [list] | [list, _] => LISTS.contains(list),
        _ => false,
    }
}

fn route(
    state: &mut State,
    call: &Call,
    method: &str,
    path: &[&str],
    who: &Identity,
    publishing: Publishing,
) -> Outcome {
    let publish = publishing != Publishing::Lost;
    match (method, path) {
        ("GET", []) => {
            Ok(Answer::json(200, &json!({ "version": "3.9.0", "docs_url": "http://docs.stackstorm.com/3.9" })))
        }
        ("GET", ["user"]) => Ok(Answer::json(200, &who.show())),
        ("GET", ["service_registry", "groups"]) => Ok(Answer::json(200, &json!({ "groups": [] }))),

        ("GET", ["executions"]) => state.list_executions(call, &who.user),
        ("POST", ["executions"]) => state.post_execution(call, &who.user, publish),
        ("GET", ["executions", "views", "filters"]) => Ok(state.execution_filters()),
        ("GET", ["executions", id]) => state.get_execution(id, call),
        ("PUT", ["executions", id]) => state.put_execution(id, call, &who.user),
        ("DELETE", ["executions", id]) => state.cancel(id, &who.user),
        ("POST", ["executions", id, "re_run"]) => state.re_run(id, call, &who.user, publish),
        ("GET", ["executions", id, part @ ..]) => state.get_execution_part(id, part),

        ("GET", ["traces"]) => list_traces(state, call),
        ("GET", ["traces", id]) => {
            let trace = state.trace(id).ok_or_else(|| Refusal::no_resource(id))?;
            Ok(Answer::json(200, &trace.show()))
        }

        ("GET", ["webhooks"]) => Ok(Answer::json(200, &state.content.webhooks().cloned().collect())),
        ("GET", ["webhooks", url]) => found(state.content.webhooks_at(url).next(), Refusal::no_route),
        ("POST", ["webhooks", url]) => state.post_webhook(url, call, publishing),
        ("GET", ["triggerinstances"]) => {
            let newest: Vec<_> = state.trigger_instances.iter().rev().cloned().collect();
            query::plain(call, &newest, &[("trigger", "trigger"), ("status", "status")], Some(100))
        }
        ("GET", ["triggerinstances", id]) => by_id(&state.trigger_instances, id),
        ("GET", ["ruleenforcements"]) => Ok(Page::read(call, Some(50))?.answer(catalog::enforcements(state, call))),
        ("GET", ["ruleenforcements", "views"]) => catalog::enforcement_views(state, call),
        ("GET", ["ruleenforcements", id]) => by_id(&state.enforcements, id),

        ("GET", ["apikeys"]) => Ok(Page::read(call, Some(50))?.answer(state.api_keys())),
        ("POST", ["apikeys"]) => state.post_api_key(call, &who.user),
        ("GET", ["apikeys", id]) => state.api_key(id),
        ("PUT", ["apikeys", id]) => state.put_api_key(id, call),
        ("DELETE", ["apikeys", id]) => state.delete_api_key(id),
        _ => catalog::route(state, call, method, path, &who.user),
    }
}

fn list_traces(state: &State, call: &Call) -> Outcome {
    let page = Page::read(call, Some(100))?;
    let fits = |trace: &&Trace| {
        let holds = |name: &str, kind| call.query(name).is_none_or(|id| trace.holds(kind, id));
        call.query("trace_tag").is_none_or(|tag| trace.tag == tag)
            && holds("execution", Kind::Execution)
            && holds("rule", Kind::Rule)
            && holds("trigger_instance", Kind::TriggerInstance)
    };
    let mut traces: Vec<_> = state.traces.iter().rev().filter(fits).collect();
    if call.query("sort_asc") == Some("True") {
        traces.reverse();
    }
    Ok(page.answer_with(traces, Trace::show))
}
