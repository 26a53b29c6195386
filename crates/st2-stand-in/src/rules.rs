//! Webhooks and the rules engine: a trigger comes in, is stored with its trace, and starts what its rules say.

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Call, Outcome, Refusal},
    body,
    create::Request,
    execution::Origin,
    faults::{Fault, Kind},
    parameters,
    publishing::Publishing,
    python,
    state::State,
    step::{Cause, Dispatch, Step},
    template::expression::{Expression, Names},
    times,
    trace::Component,
};

/// Headers that do not reach a rule.
const PRIVATE_HEADERS: [&str; 4] = ["st2-api-key", "x-auth-token", "cookie", "st2-trace-tag"];

impl State {
    /// `POST /v1/webhooks/{url}`: 202 and the body; whatever comes of it comes later.
    pub(super) fn post_webhook(&mut self, url: &str, call: &Call, publishing: Publishing) -> Outcome {
        let (answer, mut dispatches) = self.read_webhook(url, call)?;
        match publishing {
            Publishing::Once => {}
            Publishing::Lost => dispatches.clear(),
            Publishing::Twice => dispatches.extend(dispatches.clone()),
            Publishing::FirstOfSeveral => dispatches.truncate(usize::from(dispatches.len() > 1)),
        }
        for dispatch in dispatches {
            self.after(self.pace.trace, Step::Receive(Box::new(dispatch)));
        }
        Ok(answer)
    }

    /// What a webhook answers and sets off: one message for each trigger of its url.
    fn read_webhook(&self, url: &str, call: &Call) -> Result<(Answer, Vec<Dispatch>), Refusal> {
        let body = body::parse(call)?;
        if !body.is_object() && !body.is_array() {
            return Err(Refusal::bad(format!("{} is not of type 'object', 'array'", python::repr(&body))));
        }
        let answer = Answer::json(202, &body);
        let tag = call
            .header("st2-trace-tag")
            .filter(|tag| !tag.is_empty())
            .map_or_else(|| format!("webhook-{url}-{}", uuid::Uuid::new_v4().simple()), str::to_owned);
        if url.trim_end_matches('/') == "st2" {
            let dispatch = self.read_system_webhook(&body, tag)?;
            return Ok((answer, vec![dispatch]));
        }
        let payload = payload(call, &body);
        let dispatch = |trigger: &Value| Dispatch {
            trigger: trigger["ref"].as_str().unwrap_or_default().to_owned(),
            payload: payload.clone(),
            cause: Cause::Tag(tag.clone()),
        };
        let dispatches: Vec<_> = self.content.webhooks_at(url).map(dispatch).collect();
        if dispatches.is_empty() {
            return Err(Refusal::new(404, format!("Webhook {url} not registered with st2")));
        }
        Ok((answer, dispatches))
    }

    /// `POST /v1/webhooks/st2` names its trigger in the body.
    fn read_system_webhook(&self, body: &Value, tag: String) -> Result<Dispatch, Refusal> {
        if !body.is_object() {
            return Err(Refusal::bad("Webhook body needs to be an object, got: array"));
        }
        let Some(trigger) = body["trigger"].as_str().filter(|trigger| !trigger.is_empty()) else {
            return Err(Refusal::bad("Trigger not specified."));
        };
        let payload = body.get("payload").cloned().unwrap_or_default();
        let Some(known) = self.content.trigger(trigger) else {
            return Err(Refusal::bad(format!(
                "Trigger payload validation failed and validation is enabled, not dispatching a trigger \"{trigger}\" \
                 ({}): Trigger type with reference \"{trigger}\" doesn't exist in the database",
                python::repr(&payload)
            )));
        };
        let trigger = known["ref"].as_str().unwrap_or_default().to_owned();
        Ok(Dispatch { trigger, payload, cause: Cause::Tag(tag) })
    }

    /// Stores the trigger instance and its trace.
    pub(super) fn receive(&mut self, dispatch: &Dispatch) {
        let now = times::now();
        let id = self.ids.next();
        self.trigger_instances.push(json!({
            "trigger": dispatch.trigger, "occurrence_time": times::millis(now), "status": "pending", "id": id,
            "payload": dispatch.payload,
        }));
        let (trace, caused_by) = match &dispatch.cause {
            Cause::Tag(tag) => (self.new_trace(tag), json!({})),
            Cause::Trace { id, caused_by } => (id.clone(), caused_by.clone()),
        };
        if let Some(trace) = self.trace_mut(&trace) {
            let reference = dispatch.trigger.clone();
            trace.trigger_instances.push(Component { id: id.clone(), reference, at: now, caused_by });
        }
        self.after(self.pace.enforce, Step::Enforce(id));
    }

    /// Applies every enabled rule of the trigger whose criteria hold.
    pub(super) fn enforce(&mut self, id: &str) {
        let Some(instance) = self.trigger_instance_mut(id) else { return };
        instance["status"] = json!("processing");
        let instance = instance.clone();
        let fitting = |rule: &&Value| {
            rule["enabled"] == json!(true)
                && rule["trigger"]["ref"] == instance["trigger"]
                && meets(&rule["criteria"], &instance["payload"])
        };
        let rules: Vec<_> = self.content.rules.iter().filter(fitting).cloned().collect();
        for rule in rules {
            let fault = self.faults.strike(Kind::Enforcement);
            if matches!(fault, Some(Fault::RulesEngineDies { started: false })) {
                return;
            }
            let enforcement = self.enforce_rule(&rule, &instance, fault.as_ref());
            match fault {
                Some(Fault::RulesEngineDies { .. }) => return,
                Some(Fault::EnforcementLost) => {}
                _ => self.enforcements.push(enforcement),
            }
        }
        if let Some(instance) = self.trigger_instance_mut(id) {
            instance["status"] = json!("processed");
        }
    }

    /// Starts what a rule says; its enforcement.
    fn enforce_rule(&mut self, rule: &Value, instance: &Value, fault: Option<&Fault>) -> Value {
        let at = times::micros(times::now());
        let outcome = self.start_for(rule, instance);
        let mut enforcement = json!({
            "trigger_instance_id": instance["id"], "enforced_at": at, "id": self.ids.next(),
            "rule": { "ref": rule["ref"], "id": rule["id"], "uid": rule["uid"] },
        });
        match outcome {
            Ok(_) if fault == Some(&Fault::EnforcementFails) => {
                enforcement["status"] = json!("failed");
                enforcement["failure_reason"] = json!("'NoneType' object has no attribute 'channel'");
            }
            Ok(execution) => {
                enforcement["status"] = json!("succeeded");
                enforcement["execution_id"] = json!(execution);
            }
            Err(refusal) => {
                enforcement["status"] = json!("failed");
                enforcement["failure_reason"] = json!(refusal.text);
            }
        }
        enforcement
    }

    fn start_for(&mut self, rule: &Value, instance: &Value) -> Result<String, Refusal> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (rule_id, instance_id, reference) =
            (text(&rule["id"]), text(&instance["id"]), text(&rule["action"]["ref"]));
        let Some(action) = self.content.action(&reference).cloned() else {
            return Err(Refusal::bad(format!("Action \"{reference}\" doesn't exist")));
        };
        let component = Component {
            id: rule_id.clone(),
            reference: text(&rule["ref"]),
            at: times::now(),
            caused_by: json!({ "type": "trigger_instance", "id": instance_id }),
        };
        let held = |trace: &&mut super::trace::Trace| trace.holds(super::trace::Kind::TriggerInstance, &instance_id);
        let Some(trace) = self.traces.iter_mut().rev().find(held) else {
            return Err(Refusal::bad("Trace database not found."));
        };
        trace.rules.push(component);
        let trace_context = json!({ "id_": trace.id, "trace_tag": trace.tag });
        let context = json!({
            "trigger_instance": { "id": instance_id, "name": null }, "rule": { "id": rule_id, "name": rule["name"] },
            "user": "root", "pack": action["pack"], "trace_context": trace_context,
        });
        let trigger = self.content.trigger(&text(&instance["trigger"])).cloned().unwrap_or_default();
        let kind = self.content.trigger_type(&text(&trigger["type"])).cloned().unwrap_or_default();
        self.request(Request {
            action: reference,
            parameters: parameters::object(&rule["action"]["parameters"]),
            context: parameters::object(&context),
            delay: None,
            publish: true,
            origin: Some(Box::new(Origin {
                trigger,
                trigger_type: kind,
                trigger_instance: instance.clone(),
                rule: rule.clone(),
            })),
            caused_by: json!({ "type": "rule", "id": format!("{rule_id}:{instance_id}") }),
        })
    }
}

/// A webhook's payload: its headers without credentials, and its body.
fn payload(call: &Call, body: &Value) -> Value {
    let mut headers = Map::new();
    let mut lower = Map::new();
    for (name, value) in &call.headers {
        let small = name.to_lowercase();
        if !PRIVATE_HEADERS.contains(&small.as_str()) {
            headers.insert(title_case(&small), json!(value));
            lower.insert(small, json!(value));
        }
    }
    json!({ "headers": headers, "headers_lower": lower, "body": body })
}

/// `content-type` → `Content-Type`, as WSGI gives headers to StackStorm.
fn title_case(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// Whether all criteria hold; one on a member that is missing does not.
fn meets(criteria: &Value, payload: &Value) -> bool {
    let scope = Names::new(json!({ "trigger": payload }), "dict object");
    criteria.as_object().into_iter().flatten().all(|(path, criterion)| {
        let value = Expression::parse(path).and_then(|path| path.value(&scope).ok()).unwrap_or_default();
        holds(criterion["type"].as_str().unwrap_or_default(), &value, &criterion["pattern"])
    })
}

fn holds(operator: &str, value: &Value, pattern: &Value) -> bool {
    let (text, wanted) = (python::text(value), python::text(pattern));
    let lower = || (text.to_lowercase(), wanted.to_lowercase());
    let matches = |text: &str, wanted: &str| regex::Regex::new(wanted).is_ok_and(|wanted| wanted.is_match(text));
    match operator {
        "exists" => !value.is_null(),
        "nexists" => value.is_null(),
        _ if value.is_null() => false,
        "equals" | "eq" => value == pattern || text == wanted,
        "nequals" | "neq" => text != wanted,
        "iequals" | "ieq" => lower().0 == lower().1,
        "contains" => text.contains(&wanted),
        "icontains" => lower().0.contains(&lower().1),
        "startswith" => text.starts_with(&wanted),
        "endswith" => text.ends_with(&wanted),
        "regex" | "matchregex" => matches(&text, &wanted),
        "iregex" => matches(&text, &format!("(?i){wanted}")),
        "inside" => wanted.contains(&text),
        "greaterthan" | "gt" => value.as_f64() > pattern.as_f64(),
        "lessthan" | "lt" => value.as_f64() < pattern.as_f64(),
        _ => false,
    }
}
