//! `POST /v1/executions`, a rule's and a workflow's executions: validation and the order of writes.

use serde_json::{Map, Value, json};

use super::{
    answer::{Answer, Call, Outcome, Refusal},
    body,
    execution::{Execution, Origin, Shown},
    parameter_error::ParameterError,
    parameters::{self, Surroundings},
    python,
    state::State,
    status::Status,
    step::Step,
    times, trace,
};

/// The largest document that StackStorm's database takes.
const LARGEST_DOCUMENT: usize = 16_793_598;

/// What is to be run.
pub(super) struct Request {
    pub(super) action: String,
    pub(super) parameters: Map<String, Value>,
    pub(super) context: Map<String, Value>,
    pub(super) delay: Option<i64>,
    /// Whether the message for the scheduler is sent; false leaves an orphan.
    pub(super) publish: bool,
    pub(super) origin: Option<Box<Origin>>,
    pub(super) caused_by: Value,
}

/// A task of a workflow.
pub(super) struct Child {
    pub(super) parent: String,
    pub(super) action: String,
    pub(super) parameters: Map<String, Value>,
    pub(super) context: Map<String, Value>,
    /// The ids of an Orquesta workflow and of the task in it.
    pub(super) workflow: Option<(String, String)>,
}

impl State {
    /// Answers `POST /v1/executions`.
    pub(super) fn post_execution(&mut self, call: &Call, user: &str, publish: bool) -> Outcome {
        let request = self.read_request(call, user, publish)?;
        if call.body.len() > LARGEST_DOCUMENT {
            let size = call.body.len();
            return Err(Refusal::new(
                500,
                format!(
                    "BSON document too large ({size} bytes) - the connected server supports BSON document sizes up to \
                 {LARGEST_DOCUMENT} bytes."
                ),
            ));
        }
        let id = self.request(request)?;
        let shown = Shown { fresh: true, secrets: call.query_flag("show_secrets") };
        let shown = self.execution(&id).map(|execution| execution.show(shown)).unwrap_or_default();
        Ok(Answer::json(201, &shown))
    }

    fn read_request(&self, call: &Call, user: &str, publish: bool) -> Result<Request, Refusal> {
        let mut body = body::object(call)?;
        for (name, kind) in
            [("parameters", "object"), ("context", "object"), ("action", "string"), ("delay", "integer")]
        {
            typed(&body, name, kind)?;
        }
        let Some(Value::String(action)) = body.remove("action") else {
            return Err(Refusal::bad("'action' is a required property"));
        };
        let Some(known) = self.content.action(&action).filter(|known| known["ref"] == action.as_str()) else {
            return Err(Refusal::bad(format!("Action \"{action}\" cannot be found.")));
        };
        let user = body.get("user").and_then(Value::as_str).filter(|user| !user.is_empty()).unwrap_or(user);
        let mut context = body.get("context").map(parameters::object).unwrap_or_default();
        context.insert("user".to_owned(), json!(user));
        merge_header(&mut context, call.header("st2-context"))?;
        context.insert("pack".to_owned(), known["pack"].clone());
        Ok(Request {
            action,
            parameters: body.get("parameters").map(parameters::object).unwrap_or_default(),
            context,
            delay: body.get("delay").and_then(Value::as_i64),
            publish,
            origin: None,
            caused_by: json!({}),
        })
    }

    /// Renders, validates, stores, publishes; the id of what is now `requested`.
    pub(super) fn request(&mut self, request: Request) -> Result<String, Refusal> {
        let publish = request.publish;
        let id = self.create(request)?;
        if publish {
            self.publish(&id);
        }
        Ok(id)
    }

    fn create(&mut self, mut request: Request) -> Result<String, Refusal> {
        let Some(action) = self.content.action(&request.action).cloned() else {
            return Err(Refusal::bad(format!("Action \"{}\" cannot be found.", request.action)));
        };
        let runner = self.content.runner_of(&action);
        let declared = parameters::declared(&action, &runner);
        let trigger = request.origin.as_ref().map(|origin| origin.trigger_instance["payload"].clone());
        let surroundings = Surroundings { context: &request.context, trigger: trigger.as_ref() };
        match parameters::render(&declared, &request.parameters, &surroundings) {
            Ok(rendered) => request.parameters = rendered,
            Err(ParameterError::Unrenderable(text)) => return Err(self.leave_failed(request, text)),
            Err(error) => return Err(refusal(error)),
        }
        if action["enabled"] == json!(false) {
            return Err(Refusal::bad(format!("Unable to execute. Action \"{}\" is disabled.", request.action)));
        }
        let immutables = immutables(&[&action["parameters"], &runner["runner_parameters"]]);
        parameters::validate(&declared, &request.parameters, &immutables).map_err(refusal)?;
        self.store(request)
    }

    /// What StackStorm does with parameters that it cannot render: 400, and yet an execution, failed. A rule's
    /// enforcement fails without naming it.
    fn leave_failed(&mut self, request: Request, text: String) -> Refusal {
        match self.store(request) {
            Ok(id) => {
                if let Some(execution) = self.execution_mut(&id) {
                    execution.result = Some(json!({ "error": text, "traceback": "" }));
                }
                self.set_status(&id, Status::Failed);
                Refusal::bad(text)
            }
            Err(refusal) => refusal,
        }
    }

    /// Stores what is rendered and valid, in its trace.
    pub(super) fn store(&mut self, request: Request) -> Result<String, Refusal> {
        let liveaction = self.ids.next();
        let trace = self.trace_for(&request.context, &liveaction)?;
        self.insert_new(request, liveaction, trace)
    }

    fn insert_new(&mut self, request: Request, liveaction: String, trace: String) -> Result<String, Refusal> {
        let Some(action) = self.content.action(&request.action).cloned() else {
            return Err(Refusal::bad(format!("Action \"{}\" cannot be found.", request.action)));
        };
        let (id, now) = (self.ids.next(), times::now());
        let execution = Execution {
            id: id.clone(),
            liveaction,
            runner: self.content.runner_of(&action),
            action,
            status: Status::Requested,
            start: now,
            end: None,
            parameters: request.parameters,
            context: request.context,
            log: vec![(now, Status::Requested)],
            result: None,
            result_size: None,
            children: Vec::new(),
            parent: None,
            workflow: None,
            task: None,
            delay: request.delay,
            origin: request.origin,
            trace,
            on_runner: false,
            published: request.publish,
        };
        self.insert(execution, request.caused_by);
        Ok(id)
    }

    /// The trace of `context.trace_context`, or a new one.
    fn trace_for(&mut self, context: &Map<String, Value>, liveaction: &str) -> Result<String, Refusal> {
        let given = context.get("trace_context").filter(|given| python::truth(given));
        let Some(given) = given else {
            return Ok(self.new_trace(&format!("execution-{liveaction}")));
        };
        let Some(map) = given.as_object() else {
            let kind = python::type_name(given);
            let text = format!("The trace context has a value that is not a dictionary (was <class '{kind}'>).");
            return Err(Refusal::new(500, text));
        };
        let member = |name: &str| map.get(name).filter(|value| python::truth(value)).map(python::text);
        match (member("id_"), member("trace_tag")) {
            (Some(id), _) if self.trace(&id).is_some() => Ok(id),
            (Some(id), _) => {
                let id = python::repr(&json!({ "id": id }));
                Err(Refusal::bad(format!("Unable to find the TraceDB instance. {id}")))
            }
            (None, Some(tag)) => Ok(self.new_trace(&tag)),
            (None, None) => Err(Refusal::bad("Atleast one of id_ or trace_tag should be specified.")),
        }
    }

    /// Sends the messages of a new execution.
    pub(super) fn publish(&mut self, id: &str) {
        self.announce(id, "create");
        self.after(self.pace.schedule, Step::Schedule(id.to_owned()));
    }

    /// Starts a task of a workflow; its parameters are templates once more.
    pub(super) fn create_child(&mut self, child: Child) -> Result<(), String> {
        let missing = || format!("Unable to find action \"{}\".", child.action);
        let action = self.content.action(&child.action).cloned().ok_or_else(missing)?;
        let declared = parameters::declared(&action, &self.content.runner_of(&action));
        let mut context = child.context;
        context.insert("pack".to_owned(), action["pack"].clone());
        let surroundings = Surroundings { context: &context, trigger: None };
        let rendered =
            parameters::render(&declared, &child.parameters, &surroundings).map_err(|error| refusal(error).text)?;
        parameters::validate(&declared, &rendered, &[]).map_err(|error| refusal(error).text)?;
        let trace = self.execution(&child.parent).map(|parent| parent.trace.clone()).unwrap_or_default();
        let request = Request {
            action: child.action,
            parameters: rendered,
            context,
            delay: None,
            publish: true,
            origin: None,
            caused_by: trace::by_execution(&child.parent),
        };
        let liveaction = self.ids.next();
        let id = self.insert_new(request, liveaction, trace).map_err(|refusal| refusal.text)?;
        if let Some(execution) = self.execution_mut(&id) {
            execution.parent = Some(child.parent.clone());
            (execution.workflow, execution.task) = child.workflow.unzip();
        }
        if let Some(parent) = self.execution_mut(&child.parent) {
            parent.children.push(id.clone());
        }
        self.announce(&child.parent, "update");
        self.publish(&id);
        Ok(())
    }
}

fn typed(body: &Map<String, Value>, name: &str, kind: &str) -> Result<(), Refusal> {
    let fits = match body.get(name) {
        None => true,
        Some(value) => match kind {
            "object" => value.is_object(),
            "integer" => value.is_i64(),
            _ => value.is_string(),
        },
    };
    if fits {
        return Ok(());
    }
    let value = body.get(name).map(python::repr).unwrap_or_default();
    Err(Refusal::bad(format!("{value} is not of type '{kind}'")))
}

fn merge_header(context: &mut Map<String, Value>, header: Option<&str>) -> Result<(), Refusal> {
    let Some(text) = header else { return Ok(()) };
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => {
            context.extend(map);
            Ok(())
        }
        other => {
            let kind = other.as_ref().map_or("str", python::type_name);
            let text = format!("Unable to convert st2-context from the headers into JSON (was <class '{kind}'>).");
            Err(Refusal::bad(text))
        }
    }
}

fn immutables(declarations: &[&Value]) -> Vec<String> {
    let all = declarations.iter().filter_map(|declaration| declaration.as_object()).flatten();
    all.filter(|(_, schema)| schema["immutable"] == json!(true)).map(|(name, _)| name.clone()).collect()
}

fn refusal(error: ParameterError) -> Refusal {
    match error {
        ParameterError::Unrenderable(text) | ParameterError::Value(text) => Refusal::bad(text),
        ParameterError::Other(text) => Refusal::new(500, text),
    }
}
