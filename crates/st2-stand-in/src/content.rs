//! The packs the stand-in knows: parts of `core`, and those of the directories it is given, or else `remediation`.

mod error;
mod files;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value, json};

pub(super) use self::error::PackError;
use self::files::Pack;
use super::{
    definition,
    ids::{Ids, digest32},
};

/// Everything that is registered, as the API shows it.
pub(super) struct Content {
    pub(super) actions: Vec<Arc<Value>>,
    pub(super) runners: Vec<Arc<Value>>,
    pub(super) rules: Vec<Value>,
    pub(super) triggers: Vec<Value>,
    pub(super) trigger_types: Vec<Value>,
    pub(super) policies: Vec<Value>,
    pub(super) packs: Vec<Value>,
    files: Vec<Pack>,
}

impl Content {
    /// `core` and the packs of these directories; without any, the compiled-in `remediation`.
    pub(super) fn load(directories: &[PathBuf], ids: &mut Ids) -> Result<Self, PackError> {
        let mut content = Self {
            actions: Vec::new(),
            runners: numbered(files::RUNNERS, ids).into_iter().map(Arc::new).collect(),
            rules: Vec::new(),
            triggers: Vec::new(),
            trigger_types: numbered(files::TRIGGER_TYPES, ids),
            policies: Vec::new(),
            packs: Vec::new(),
            files: vec![Pack::core()],
        };
        content.system_triggers(ids);
        for directory in directories {
            content.files.push(Pack::read(directory)?);
        }
        if directories.is_empty() {
            content.files.push(Pack::remediation());
        }
        for pack in std::mem::take(&mut content.files) {
            content.add_pack(&pack, ids)?;
            content.files.push(pack);
        }
        Ok(content)
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
    pub(super) fn entry_point(&self, action: &Value) -> Option<&str> {
        let pack = self.files.iter().find(|pack| action["pack"] == pack.name.as_str())?;
        entry_point(pack, action)
    }

    /// An entry point that is YAML; it was read once when the pack was loaded.
    pub(super) fn definition(&self, action: &Value) -> Value {
        self.entry_point(action).and_then(|text| parsed(text).ok()).unwrap_or_default()
    }

    /// The directory that a pack was read from.
    pub(super) fn directory(&self, pack: &str) -> Option<&Path> {
        self.files.iter().find(|own| own.name == pack)?.directory.as_deref()
    }

    /// A pack's `config.schema.yaml`.
    pub(super) fn config_schema(&self, pack: &str) -> Value {
        let text = self.files.iter().find(|own| own.name == pack).and_then(|own| own.files.get("config.schema.yaml"));
        text.and_then(|text| parsed(text).ok()).unwrap_or_default()
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

    fn add_pack(&mut self, pack: &Pack, ids: &mut Ids) -> Result<(), PackError> {
        for (file, yaml) in &pack.files {
            let Some(kind) = kind_of(file) else { continue };
            let failed = |why: String| PackError::in_file(&pack.name, file, why);
            let value = parsed(yaml).map_err(failed)?;
            match kind {
                "actions" => {
                    let action = action(&pack.name, file, &value, ids);
                    self.check(pack, &action).map_err(failed)?;
                    self.actions.push(Arc::new(action));
                }
                "rules" => drop(self.add_rule(&pack.name, file, value, ids)),
                "policies" => self.add_policy(&pack.name, file, &value, ids),
                "pack" => self.packs.push(package(pack, &value, ids)),
                other => return Err(failed(format!("the stand-in has no {other}; leave them out of this directory"))),
            }
        }
        self.actions.sort_by_key(|action| text(&action["ref"]));
        Ok(())
    }

    /// Whether the stand-in can run an action.
    fn check(&self, pack: &Pack, action: &Value) -> Result<(), String> {
        let runner = action["runner_type"].as_str().unwrap_or_default();
        if !self.runners.iter().any(|known| known["name"] == runner) {
            let known: Vec<_> = self.runners.iter().filter_map(|runner| runner["name"].as_str()).collect();
            return Err(format!("the stand-in has no runner {runner:?}; it has {}", known.join(", ")));
        }
        let entry =
            || entry_point(pack, action).ok_or_else(|| format!("entry_point {} is missing", action["entry_point"]));
        let definition = || entry().and_then(parsed);
        let named = |why: String| format!("{}: {why}", text(&action["entry_point"]));
        match runner {
            "orquesta" => definition::orquesta::check(&definition()?).map_err(named),
            "action-chain" => definition::chain::check(&definition()?).map_err(named),
            "python-script" => entry().map(drop),
            _ => Ok(()),
        }
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

/// What StackStorm registers a file as; nothing for a file that it only keeps.
fn kind_of(file: &str) -> Option<&str> {
    match file.split('/').collect::<Vec<_>>().as_slice() {
        ["pack.yaml"] => Some("pack"),
        // The stand-in has no chat: aliases are the chat's business.
        [kind @ ("actions" | "rules" | "policies" | "sensors" | "triggers"), name] => {
            Path::new(name).extension().is_some_and(|kind| kind == "yaml" || kind == "yml").then_some(*kind)
        }
        _ => None,
    }
}

fn entry_point<'a>(pack: &'a Pack, action: &Value) -> Option<&'a str> {
    let path = action["entry_point"].as_str().filter(|path| !path.is_empty())?;
    pack.files.get(&format!("actions/{path}")).map(String::as_str)
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

fn parsed(yaml: &str) -> Result<Value, String> {
    serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
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

fn package(pack: &Pack, value: &Value, ids: &mut Ids) -> Value {
    let (names, name) = (pack.files.keys().collect::<Vec<_>>(), &pack.name);
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
