//! Action chains: one task after the other, as the chain's file says.

use serde_json::{Map, Value, json};

use crate::{
    create::Child,
    execution::Execution,
    parameters,
    state::State,
    status::Status,
    template::{self, expression::Names},
    times,
};

impl State {
    pub(super) fn advance_chain(&mut self, id: &str) {
        let Some(execution) = self.execution(id) else { return };
        let definition = self.content.definition(&execution.action);
        let last = execution.children.last().and_then(|child| self.execution(child));
        let next = match last {
            None => definition["default"].as_str(),
            Some(child) => follower(&definition, child),
        };
        let ends_as = last.map_or(Status::Succeeded, |child| child.status);
        let surroundings = self.surroundings(execution, &definition);
        match (surroundings, next.map(str::to_owned).and_then(|name| node(&definition, &name).cloned())) {
            (Err(why), _) => self.end_chain(id, Status::Failed, Some(why)),
            (Ok(surroundings), Some(node)) => self.start_link(id, &node, &surroundings),
            (Ok(_), None) => self.end_chain(id, ends_as, None),
        }
    }

    /// What a node's templates can read: the chain's parameters, the results of its nodes, what they published.
    fn surroundings(&self, execution: &Execution, definition: &Value) -> Result<Surroundings, String> {
        let declared = parameters::declared(&execution.action, &execution.runner);
        let mut known = declared.keys().map(|name| (name.clone(), Value::Null)).collect::<Map<_, _>>();
        known.extend(parameters::complete(&declared, &execution.parameters));
        let (mut results, mut published) = (Map::new(), Map::new());
        for child in execution.children.iter().filter_map(|child| self.execution(child)) {
            let name = child.context["chain"]["name"].as_str().unwrap_or_default();
            results.insert(name.to_owned(), child.result.clone().unwrap_or_default());
            known.extend(results.clone());
            known.extend(published.clone());
            known.insert("__results".to_owned(), json!(results));
            let publish = node(definition, name).map(|node| parameters::object(&node["publish"])).unwrap_or_default();
            let own = rendered(&publish, &known).map_err(|(key, text, why)| {
                format!(
                    "Failed rendering value for publish parameter \"{key}\" in task \"{name}\" (template string={text}): \
                     {why}"
                )
            })?;
            known.extend(own.clone());
            published.extend(own);
        }
        Ok(Surroundings { known, published })
    }

    fn start_link(&mut self, id: &str, node: &Value, surroundings: &Surroundings) {
        let Some(parent) = self.execution(id) else { return };
        let given = match rendered(&parameters::object(&node["parameters"]), &surroundings.known) {
            Ok(given) => given,
            Err((key, text, why)) => {
                let name = node["name"].as_str().unwrap_or_default();
                let error = format!(
                    "Failed to run task \"{name}\". Parameter rendering failed.. Failed rendering value for action \
                     parameter \"{key}\" in task \"{name}\" (template string={text}): {why}"
                );
                return self.end_chain(id, Status::Failed, Some(error));
            }
        };
        let (user, pack) = (parent.user(), parent.context.get("pack").cloned().unwrap_or_default());
        let context = json!({
            "user": user, "parent": { "execution_id": id, "user": user, "pack": pack }, "chain": node,
        });
        let child = Child {
            parent: id.to_owned(),
            action: node["ref"].as_str().unwrap_or_default().to_owned(),
            parameters: given,
            context: parameters::object(&context),
            workflow: None,
        };
        if let Err(why) = self.create_child(child) {
            self.end_chain(id, Status::Failed, Some(why));
        }
    }

    fn end_chain(&mut self, id: &str, status: Status, error: Option<String>) {
        let Some(execution) = self.execution(id) else { return };
        let tasks: Vec<_> = execution.children.iter().filter_map(|child| self.execution(child)).map(task).collect();
        let definition = self.content.definition(&execution.action);
        let published = self.surroundings(execution, &definition).map(|own| own.published).unwrap_or_default();
        let mut result = json!({ "tasks": tasks, "published": published });
        if let Some(error) = error {
            result["error"] = json!(error);
        }
        self.complete(id, status, Some(result));
    }
}

struct Surroundings {
    known: Map<String, Value>,
    published: Map<String, Value>,
}

/// A mapping rendered as StackStorm does for chains: a map or a list as its JSON text, into which values go without any
/// escaping, so that a quote or a line break in a value leaves no JSON. An error names the key and its template.
fn rendered(mapping: &Map<String, Value>, known: &Map<String, Value>) -> Result<Map<String, Value>, Unrendered> {
    let scope = Names::new(Value::Object(known.clone()), "dict object");
    let mut out = Map::new();
    for (key, value) in mapping {
        let (text, is_json) = match value {
            Value::String(text) => (text.clone(), false),
            Value::Array(_) | Value::Object(_) => (value.to_string(), true),
            _ => (String::new(), false),
        };
        let failed = |why: String| (key.clone(), text.clone(), why);
        let own = template::render_strictly(&text, &scope).map_err(failed)?;
        let own = match own {
            own if own == text => value.clone(),
            own if is_json => serde_json::from_str(&own).map_err(|error| failed(error.to_string()))?,
            own => json!(own),
        };
        out.insert(key.clone(), own);
    }
    Ok(out)
}

/// Key, template and reason.
type Unrendered = (String, String, String);

fn node<'a>(definition: &'a Value, name: &str) -> Option<&'a Value> {
    definition["chain"].as_array()?.iter().find(|node| node["name"] == name)
}

fn follower<'a>(definition: &'a Value, child: &Execution) -> Option<&'a str> {
    let node = node(definition, child.context["chain"]["name"].as_str()?)?;
    let way = if child.status == Status::Succeeded { "on-success" } else { "on-failure" };
    node[way].as_str()
}

fn task(child: &Execution) -> Value {
    json!({
        "id": child.context["chain"]["name"], "name": child.context["chain"]["name"], "execution_id": child.id,
        "liveaction_id": child.liveaction, "workflow": null, "created_at": times::with_offset(child.start),
        "updated_at": times::with_offset(child.end.unwrap_or(child.start)), "state": child.status.as_str(),
        "result": child.result,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(instance: &str, parameters: &Value) -> Result<Value, String> {
        let known = parameters::object(&json!({ "instance": instance }));
        rendered(&parameters::object(parameters), &known).map(Value::Object).map_err(|(_, _, why)| why)
    }

    #[test]
    fn a_text_with_a_quote_breaks_a_map_and_not_a_text() {
        let (text, map) = (json!({ "a": "on {{ instance }}" }), json!({ "a": { "b": "{{ instance }}" } }));
        assert_eq!(passed("web-1", &map).unwrap(), json!({ "a": { "b": "web-1" } }));
        for hostile in ["a\"b", "a\\c", "a\nb", "a\u{1}b"] {
            assert_eq!(passed(hostile, &text).unwrap(), json!({ "a": format!("on {hostile}") }));
            assert!(passed(hostile, &map).is_err(), "{hostile:?}");
        }
        // Worse than a failure: JSON reads this one as another text.
        assert_eq!(passed("a\\b", &map).unwrap(), json!({ "a": { "b": "a\u{8}" } }));
        assert_eq!(passed("'", &map).unwrap(), json!({ "a": { "b": "'" } }));
    }
}
