//! Action chains: one task after the other, as the chain's file says.

use serde_json::{Map, Value, json};

use crate::{
    content::{self, Content},
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
        let definition = content::parsed(Content::entry_point(&execution.action).unwrap_or_default());
        let last = execution.children.last().and_then(|child| self.execution(child));
        let next = match last {
            None => definition["default"].as_str(),
            Some(child) => follower(&definition, child),
        };
        let failed = last.is_some_and(|child| child.status != Status::Succeeded);
        match next.map(str::to_owned).and_then(|name| node(&definition, &name).cloned()) {
            Some(node) => self.start_link(id, &node),
            None if failed => self.end_chain(id, Status::Failed, None),
            None => self.end_chain(id, Status::Succeeded, None),
        }
    }

    fn start_link(&mut self, id: &str, node: &Value) {
        let Some(parent) = self.execution(id) else { return };
        let declared = parameters::declared(&parent.action, &parent.runner);
        let mut known = declared.keys().map(|name| (name.clone(), Value::Null)).collect::<Map<_, _>>();
        known.extend(parameters::complete(&declared, &parent.parameters));
        let scope = Names::new(Value::Object(known), "dict object");
        let mut given = Map::new();
        for (name, value) in parameters::object(&node["parameters"]) {
            let rendered = value.as_str().map_or_else(|| Ok(value.clone()), |text| template::render(text, &scope));
            match rendered {
                Ok(value) => drop(given.insert(name, value)),
                Err(why) => return self.end_chain(id, Status::Failed, Some(why)),
            }
        }
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
        let mut result = json!({ "tasks": tasks, "published": {} });
        if let Some(error) = error {
            result["error"] = json!(error);
        }
        self.complete(id, status, Some(result));
    }
}

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
