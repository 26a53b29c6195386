//! What is registered, over HTTP: actions, rules, triggers, packs, policies.

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Call, Outcome, Refusal, by_id, found},
    body,
    execution::Shown,
    parameters,
    query::{self, Page},
    state::State,
};

/// What lists are filtered by.
type Filters = &'static [(&'static str, &'static str)];
const BY_NAME: Filters = &[("pack", "pack"), ("name", "name"), ("ref", "ref")];
const RULES: Filters =
    &[("pack", "pack"), ("name", "name"), ("action", "action.ref"), ("trigger", "trigger.ref"), ("enabled", "enabled")];
const POLICIES: Filters = &[("resource_ref", "resource_ref"), ("policy_type", "policy_type"), ("pack", "pack")];

/// The routes of what is registered.
pub(super) fn route(state: &mut State, call: &Call, method: &str, path: &[&str], user: &str) -> Outcome {
    match (method, path) {
        ("GET", ["rules"]) => query::plain(call, &state.content.rules, RULES, None),
        ("POST", ["rules"]) => post_rule(state, call, user),
        ("GET", ["rules", "views"]) => query::plain(call, &rule_views(state), RULES, None),
        ("GET", ["rules", reference]) => found(state.content.rule(reference), || Refusal::no_reference(reference)),
        ("PUT", ["rules", id]) => put_rule(state, id, call, user),
        ("DELETE", ["rules", id]) => delete_rule(state, id),
        ("GET", ["actions"]) => query::plain(call, &actions(state), BY_NAME, None),
        ("GET", ["actions", reference]) => action(state, reference).map(|action| Answer::json(200, &action)),
        ("GET", ["actions", "views", view @ ..]) => action_view(state, call, view),
        ("GET", ["triggertypes"]) => query::plain(call, &state.content.trigger_types, BY_NAME, Some(100)),
        ("GET", ["triggertypes", name]) => by_reference(&state.content.trigger_types, name),
        ("GET", ["triggers"]) => Ok(Answer::json(200, &json!(state.content.triggers))),
        ("GET", ["triggers", name]) => by_reference(&state.content.triggers, name),
        ("GET", ["policies"]) => query::plain(call, &state.content.policies, POLICIES, Some(100)),
        ("GET", ["policies", name]) => by_reference(&state.content.policies, name),
        ("GET", ["packs"]) => query::plain(call, &state.content.packs, BY_NAME, Some(100)),
        ("GET", ["packs", name]) => by_reference(&state.content.packs, name),
        ("POST", ["packs", "register"]) => Ok(Answer::json(200, &registered(state))),
        ("GET", ["runnertypes"]) => query::plain(call, &runners(state), BY_NAME, None),
        ("GET", ["runnertypes", id]) => by_id(&runners(state), id),
        _ => Err(Refusal::no_route()),
    }
}

/// `/v1/actions/views/…`.
fn action_view(state: &State, call: &Call, view: &[&str]) -> Outcome {
    match view {
        ["overview"] => {
            // StackStorm's overview knows no filter by pack.
            Ok(Page::read(call, None)?.answer(actions(state).into_iter().map(|one| overview(state, one)).collect()))
        }
        ["overview", reference] => {
            let action = action(state, reference)?;
            Ok(Answer::json(200, &overview(state, action)))
        }
        ["parameters", reference] => {
            let action = action(state, reference)?;
            Ok(Answer::json(200, &json!({ "parameters": overview(state, action)["parameters"] })))
        }
        ["entry_point", reference] => {
            let action = action(state, reference)?;
            let missing = || Refusal::new(404, format!("Action ref={reference} has no entry point."));
            let text = state.content.entry_point(&action).ok_or_else(missing)?;
            Ok(Answer::raw(200, "application/x-yaml", text.as_bytes().to_vec()))
        }
        _ => Err(Refusal::no_route()),
    }
}

fn runners(state: &State) -> Vec<Value> {
    state.content.runners.iter().map(|runner| (**runner).clone()).collect()
}

fn by_reference(items: &[Value], reference: &str) -> Outcome {
    let one = items.iter().find(|item| item["ref"] == reference || item["id"] == reference);
    found(one, || Refusal::no_reference(reference))
}

fn actions(state: &State) -> Vec<Value> {
    state.content.actions.iter().map(|action| (**action).clone()).collect()
}

fn action(state: &State, reference: &str) -> Result<Value, Refusal> {
    let found = state.content.action(reference).map(|action| (**action).clone());
    found.ok_or_else(|| Refusal::no_reference(reference))
}

/// An action with the parameters that its runner adds.
fn overview(state: &State, mut action: Value) -> Value {
    let runner = state.content.runner_of(&action);
    action["parameters"] = Value::Object(parameters::declared(&action, &runner));
    action
}

fn rule_views(state: &State) -> Vec<Value> {
    let view = |rule: &Value| {
        let mut rule = rule.clone();
        let described = |thing: Option<&Value>| thing.map(|thing| thing["description"].clone()).unwrap_or_default();
        let reference = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let kind = described(state.content.trigger_type(&reference(&rule["trigger"]["type"])));
        let action = state.content.action(&reference(&rule["action"]["ref"])).map(AsRef::as_ref);
        rule["action"]["description"] = described(action);
        rule["trigger"]["description"] = kind;
        rule
    };
    state.content.rules.iter().map(view).collect()
}

/// A rule's body, which names its maker.
fn read_rule(call: &Call, user: &str) -> Result<Map<String, Value>, Refusal> {
    let mut body = body::object(call)?;
    if let Some(missing) = ["name", "trigger", "action"].iter().find(|name| !body.contains_key(**name)) {
        return Err(Refusal::bad(format!("'{missing}' is a required property")));
    }
    let mut context = body.get("context").map(parameters::object).unwrap_or_default();
    context.insert("user".to_owned(), json!(user));
    body.insert("context".to_owned(), Value::Object(context));
    body.entry("pack").or_insert_with(|| json!("default"));
    Ok(body)
}

fn pack_of(rule: &Map<String, Value>) -> String {
    rule.get("pack").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn post_rule(state: &mut State, call: &Call, user: &str) -> Outcome {
    let mut body = read_rule(call, user)?;
    body.remove("id");
    let pack = pack_of(&body);
    let reference = format!("{pack}.{}", body.get("name").and_then(Value::as_str).unwrap_or_default());
    if let Some(known) = state.content.rule(&reference) {
        let fault = json!({
            "faultstring": format!("Tried to save duplicate unique keys (rule {reference})"), "conflict-id": known["id"],
        });
        return Ok(Answer::json(409, &fault));
    }
    let rule = state.content.add_rule(&pack, "", Value::Object(body), &mut state.ids);
    Ok(Answer::json(201, &rule))
}

/// A rule is replaced, by its id only.
fn put_rule(state: &mut State, id: &str, call: &Call, user: &str) -> Outcome {
    let mut body = read_rule(call, user)?;
    let own = |rule: &Value| rule["id"] == id;
    if !state.content.rules.iter().any(own) {
        return Err(Refusal::no_resource(id));
    }
    state.content.rules.retain(|rule| !own(rule));
    body.insert("id".to_owned(), json!(id));
    let rule = state.content.add_rule(&pack_of(&body), "", Value::Object(body), &mut state.ids);
    Ok(Answer::json(200, &rule))
}

fn delete_rule(state: &mut State, id: &str) -> Outcome {
    let before = state.content.rules.len();
    state.content.rules.retain(|rule| rule["id"] != id && rule["ref"] != id);
    if state.content.rules.len() == before {
        return Err(Refusal::no_reference(id));
    }
    Ok(Answer::raw(204, "text/html; charset=UTF-8", Vec::new()))
}

fn registered(state: &State) -> Value {
    let content = &state.content;
    json!({
        "runners": content.runners.len(), "rule_types": 2, "policy_types": 3, "actions": content.actions.len(),
        "rules": content.rules.len(), "policies": content.policies.len(),
    })
}

/// Enforcements are asked for by `trigger_instance`, which they hold as `trigger_instance_id`.
pub(super) fn enforcements(state: &State, call: &Call) -> Vec<Value> {
    let pairs = [
        ("trigger_instance", "trigger_instance_id"),
        ("execution", "execution_id"),
        ("rule_ref", "rule.ref"),
        ("rule_id", "rule.id"),
        ("status", "status"),
    ];
    let fits = |item: &&Value| {
        pairs.iter().all(|(name, path)| {
            call.query(name).is_none_or(|wanted| query::at(item, path).is_some_and(|own| own == wanted))
        })
    };
    state.enforcements.iter().rev().filter(fits).cloned().collect()
}

/// Enforcements with their trigger instance and a part of their execution.
pub(super) fn enforcement_views(state: &State, call: &Call) -> Outcome {
    let page = Page::read(call, Some(50))?;
    Ok(page.answer_with(enforcements(state, call), |mut item| {
        let instance = state.trigger_instances.iter().find(|instance| instance["id"] == item["trigger_instance_id"]);
        item["trigger_instance"] = instance.cloned().unwrap_or_default();
        let execution = item["execution_id"].as_str().and_then(|id| state.execution(id));
        item["execution"] = execution.map_or_else(|| json!({}), |execution| view(&execution.show(Shown::READ)));
        item
    }))
}

fn view(execution: &Value) -> Value {
    let mut out = json!({
        "action": { "ref": execution["action"]["ref"], "parameters": execution["action"]["parameters"] },
        "runner": {
            "name": execution["runner"]["name"], "runner_parameters": execution["runner"]["runner_parameters"],
        },
    });
    for name in ["status", "start_timestamp", "end_timestamp", "parameters", "id"] {
        if let Some(value) = execution.get(name) {
            out[name] = value.clone();
        }
    }
    out
}
