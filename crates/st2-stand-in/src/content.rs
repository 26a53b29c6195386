//! The packs the stand-in knows: parts of `core`, and `remediation`, compiled in.

mod files;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::ids::{Ids, digest32};

/// Everything that is registered, as the API shows it.
pub(super) struct Content {
    pub(super) actions: Vec<Arc<Value>>,
    pub(super) runners: Vec<Arc<Value>>,
    pub(super) rules: Vec<Value>,
    pub(super) triggers: Vec<Value>,
    pub(super) trigger_types: Vec<Value>,
    pub(super) policies: Vec<Value>,
    pub(super) packs: Vec<Value>,
}

impl Content {
    /// The compiled-in packs.
    pub(super) fn compiled_in(ids: &mut Ids) -> Self {
        let mut content = Self {
            actions: Vec::new(),
            runners: numbered(files::RUNNERS, ids).into_iter().map(Arc::new).collect(),
            rules: Vec::new(),
            triggers: Vec::new(),
            trigger_types: numbered(files::TRIGGER_TYPES, ids),
            policies: Vec::new(),
            packs: Vec::new(),
        };
        content.system_triggers(ids);
        for pack in files::PACKS {
            content.add_pack(pack, ids);
        }
        content
    }

    /// By `pack.name`, or by id.
    pub(super) fn action(&self, reference: &str) -> Option<&Arc<Value>> {
        self.actions.iter().find(|action| is_called(action, reference))
    }

    /// An action's runner.
    pub(super) fn runner_of(&self, action: &Value) -> Arc<Value> {
        let found = self.runners.iter().find(|runner| runner["name"] == action["runner_type"]);
        found.map_or_else(|| Arc::new(json!({ "name": action["runner_type"] })), Arc::clone)
    }

    /// By `pack.name`, or by id.
    pub(super) fn rule(&self, reference: &str) -> Option<&Value> {
        self.rules.iter().find(|rule| is_called(rule, reference))
    }

    /// The trigger that a rule listens to.
    pub(super) fn trigger(&self, reference: &str) -> Option<&Value> {
        self.triggers.iter().find(|trigger| trigger["ref"] == reference)
    }

    /// A trigger's type.
    pub(super) fn trigger_type(&self, reference: &str) -> Option<&Value> {
        self.trigger_types.iter().find(|kind| kind["ref"] == reference)
    }

    /// The webhook triggers with this url: several where rules spell it with and without slashes around it.
    pub(super) fn webhooks_at(&self, url: &str) -> impl Iterator<Item = &Value> {
        let own =
            |trigger: &&Value| trigger["parameters"]["url"].as_str().map(|own| own.trim_matches('/')) == Some(url);
        self.webhooks().filter(own)
    }

    /// All webhook triggers.
    pub(super) fn webhooks(&self) -> impl Iterator<Item = &Value> {
        self.triggers.iter().filter(|trigger| trigger["type"] == "core.st2.webhook")
    }

    /// The text of an action's entry point, where it is a file of the pack.
    pub(super) fn entry_point(action: &Value) -> Option<&'static str> {
        let path = format!("actions/{}", action["entry_point"].as_str().filter(|path| !path.is_empty())?);
        let pack = files::PACKS.iter().find(|pack| action["pack"] == pack.name)?;
        pack.files.iter().find(|(name, _)| *name == path).map(|(_, text)| *text)
    }

    /// Registers a rule written as its YAML file; a rule of the same reference is replaced.
    pub(super) fn add_rule(&mut self, pack: &str, file: &str, mut rule: Value, ids: &mut Ids) -> Value {
        let name = text(&rule["name"]);
        let trigger = self.trigger_for(&rule["trigger"], ids);
        let parameters = rule["trigger"].get("parameters").cloned().unwrap_or_else(|| json!({}));
        rule["trigger"] = json!({ "type": rule["trigger"]["type"], "parameters": parameters, "ref": trigger });
        let defaults = json!({
            "tags": [], "uid": format!("rule:{pack}:{name}"), "metadata_file": file, "ref": format!("{pack}.{name}"),
            "description": "", "pack": pack, "type": {"ref": "standard", "parameters": {}}, "criteria": {},
            "context": {}, "enabled": true, "id": ids.next(),
        });
        let rule = over(defaults, &rule);
        self.rules.retain(|other| other["ref"] != rule["ref"]);
        self.rules.push(rule.clone());
        self.rules.sort_by_key(|rule| text(&rule["ref"]));
        rule
    }

    /// Registers a policy written as its YAML file.
    pub(super) fn add_policy(&mut self, pack: &str, file: &str, policy: &Value, ids: &mut Ids) {
        self.policies.push(self::policy(pack, file, policy, ids));
    }

    fn add_pack(&mut self, pack: &files::Pack, ids: &mut Ids) {
        for (file, yaml) in pack.files {
            let Some(kind) = kind_of(file) else { continue };
            let value = parsed(yaml);
            match kind {
                "actions" => self.actions.push(Arc::new(action(pack.name, file, &value, ids))),
                "rules" => drop(self.add_rule(pack.name, file, value, ids)),
                "policies" => self.add_policy(pack.name, file, &value, ids),
                _ => self.packs.push(package(pack, &value, ids)),
            }
        }
        self.actions.sort_by_key(|action| text(&action["ref"]));
    }

    /// Trigger types without parameters each have one trigger, of the same reference.
    fn system_triggers(&mut self, ids: &mut Ids) {
        let plain = self.trigger_types.iter().filter(|kind| kind["parameters_schema"] == json!({}));
        let names: Vec<_> = plain.map(|kind| (text(&kind["pack"]), text(&kind["name"]))).collect();
        for (pack, name) in names {
            let kind = format!("{pack}.{name}");
            self.triggers.push(trigger(&pack, &name, &kind, &json!({}), ids));
        }
    }

    /// The reference of the trigger of that type and parameters, registered now if it is new.
    fn trigger_for(&mut self, wanted: &Value, ids: &mut Ids) -> Value {
        let parameters = wanted.get("parameters").cloned().unwrap_or_else(|| json!({}));
        let same = |trigger: &&Value| trigger["type"] == wanted["type"] && trigger["parameters"] == parameters;
        if let Some(known) = self.triggers.iter().find(same) {
            return known["ref"].clone();
        }
        let name = uuid::Uuid::new_v4().to_string();
        let new = trigger("core", &name, &text(&wanted["type"]), &parameters, ids);
        let reference = new["ref"].clone();
        self.triggers.push(new);
        reference
    }
}

fn is_called(thing: &Value, reference: &str) -> bool {
    thing["ref"] == reference || thing["id"] == reference
}

fn kind_of(file: &str) -> Option<&str> {
    match file.split('/').collect::<Vec<_>>().as_slice() {
        [kind, _] => Some(kind),
        ["pack.yaml"] => Some("pack"),
        _ => None,
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// `value`'s members over `defaults`.
fn over(mut defaults: Value, value: &Value) -> Value {
    if let (Value::Object(into), Value::Object(from)) = (&mut defaults, value) {
        into.extend(from.clone());
    }
    defaults
}

pub(super) fn parsed(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| {
        log::error!("a file of the stand-in's content is unreadable: {error}");
        Value::Null
    })
}

fn numbered(json: &str, ids: &mut Ids) -> Vec<Value> {
    let all: Vec<Map<String, Value>> = serde_json::from_str(json).unwrap_or_default();
    let number = |mut one: Map<String, Value>| {
        one.insert("id".to_owned(), json!(ids.next()));
        Value::Object(one)
    };
    all.into_iter().map(number).collect()
}

fn action(pack: &str, file: &str, value: &Value, ids: &mut Ids) -> Value {
    let name = text(&value["name"]);
    let defaults = json!({
        "tags": [], "uid": format!("action:{pack}:{name}"), "metadata_file": file, "ref": format!("{pack}.{name}"),
        "description": "", "enabled": true, "entry_point": "", "pack": pack, "parameters": {}, "output_schema": {},
        "notify": {}, "id": ids.next(),
    });
    over(defaults, value)
}

fn policy(pack: &str, file: &str, value: &Value, ids: &mut Ids) -> Value {
    let name = text(&value["name"]);
    let defaults = json!({
        "uid": format!("policy:{pack}:{name}"), "metadata_file": file, "ref": format!("{pack}.{name}"), "pack": pack,
        "id": ids.next(),
    });
    over(defaults, value)
}

fn package(pack: &files::Pack, value: &Value, ids: &mut Ids) -> Value {
    let names: Vec<_> = pack.files.iter().map(|(name, _)| *name).collect();
    let name = pack.name;
    let defaults = json!({
        "uid": format!("pack:{name}"), "ref": name, "keywords": [], "contributors": [], "files": names,
        "path": format!("/opt/stackstorm/packs/{name}"), "dependencies": [], "system": {}, "id": ids.next(),
    });
    over(defaults, value)
}

fn trigger(pack: &str, name: &str, kind: &str, parameters: &Value, ids: &mut Ids) -> Value {
    json!({
        "uid": format!("trigger:{pack}:{name}:{}", digest32(&parameters.to_string())), "ref": format!("{pack}.{name}"),
        "name": name, "pack": pack, "type": kind, "parameters": parameters, "id": ids.next(),
    })
}
