//! The whole stand-in in one struct: what is stored, what is due, what was seen. No HTTP and no waiting in here.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};
use tokio::sync::{Notify, broadcast};

use super::{
    Options,
    access::Access,
    content::{Content, PackError},
    execution::{Execution, Shown},
    faults::Faults,
    front::Front,
    ids::Ids,
    pace::Pace,
    program::Program,
    status::Status,
    step::Step,
    stream::Event,
    times,
    trace::{Component, Kind, Trace},
};

/// How many stream events a slow reader may lag behind.
const STREAM_BACKLOG: usize = 4096;

/// What clients did, for tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// `POST /v1/executions`, refused ones included.
    pub posts: u64,
    /// `POST /v1/webhooks/…`, refused ones included.
    pub webhooks: u64,
    /// GETs of traces and of lists of executions.
    pub lookups: u64,
    /// DELETEs of executions.
    pub cancels: u64,
}

/// Everything.
pub(super) struct State {
    /// Where the API is: the auth service tells those who sign in.
    pub(super) api_url: String,
    pub(super) ids: Ids,
    pub(super) pace: Pace,
    pub(super) content: Content,
    /// The interpreter of Python actions.
    pub(super) python: PathBuf,
    /// Where the configuration of packs is.
    pub(super) configs: Option<PathBuf>,
    /// Python actions to be started.
    pub(super) programs: Vec<Program>,
    pub(super) access: Access,
    pub(super) faults: Faults,
    pub(super) front: Front,
    pub(super) seen: Seen,
    /// The POSTs that came with a trace tag, and when, whatever became of them.
    pub(super) arrivals: Vec<(String, times::Time)>,
    pub(super) executions: Vec<Execution>,
    index: HashMap<String, usize>,
    pub(super) traces: Vec<Trace>,
    trace_index: HashMap<String, usize>,
    pub(super) trigger_instances: Vec<Value>,
    pub(super) enforcements: Vec<Value>,
    due: BTreeMap<(Instant, u64), Step>,
    sequence: u64,
    pub(super) events: broadcast::Sender<Arc<Event>>,
    pub(super) wake: Arc<Notify>,
}

impl State {
    pub(super) fn new(options: &Options) -> Result<Self, PackError> {
        let mut ids = Ids::new();
        Ok(Self {
            api_url: String::new(),
            pace: options.pace.clone(),
            content: Content::load(&options.packs, &mut ids)?,
            python: options.python.clone(),
            configs: options.configs.clone(),
            programs: Vec::new(),
            access: Access::new(options, &mut ids),
            ids,
            faults: Faults::default(),
            front: Front::default(),
            seen: Seen::default(),
            arrivals: Vec::new(),
            executions: Vec::new(),
            index: HashMap::new(),
            traces: Vec::new(),
            trace_index: HashMap::new(),
            trigger_instances: Vec::new(),
            enforcements: Vec::new(),
            due: BTreeMap::new(),
            sequence: 0,
            events: broadcast::channel(STREAM_BACKLOG).0,
            wake: Arc::new(Notify::new()),
        })
    }

    pub(super) fn execution(&self, id: &str) -> Option<&Execution> {
        self.index.get(id).and_then(|at| self.executions.get(*at))
    }

    pub(super) fn execution_mut(&mut self, id: &str) -> Option<&mut Execution> {
        self.index.get(id).and_then(|at| self.executions.get_mut(*at))
    }

    /// Removes an execution; its trace still names it.
    pub(super) fn forget(&mut self, id: &str) {
        self.executions.retain(|execution| execution.id != id);
        self.index = self.executions.iter().enumerate().map(|(at, execution)| (execution.id.clone(), at)).collect();
    }

    /// Stores an execution and hangs it into its trace.
    pub(super) fn insert(&mut self, execution: Execution, caused_by: Value) {
        let component = Component {
            id: execution.id.clone(),
            reference: execution.action_ref().to_owned(),
            at: times::now(),
            caused_by,
        };
        if let Some(trace) = self.trace_mut(&execution.trace) {
            trace.executions.push(component);
        }
        self.index.insert(execution.id.clone(), self.executions.len());
        self.executions.push(execution);
    }

    pub(super) fn trace(&self, id: &str) -> Option<&Trace> {
        self.trace_index.get(id).and_then(|at| self.traces.get(*at))
    }

    pub(super) fn trace_mut(&mut self, id: &str) -> Option<&mut Trace> {
        self.trace_index.get(id).and_then(|at| self.traces.get_mut(*at))
    }

    /// The trace in which an object hangs.
    pub(super) fn trace_with(&self, kind: Kind, id: &str) -> Option<&Trace> {
        self.traces.iter().rev().find(|trace| trace.holds(kind, id))
    }

    /// A new trace of that tag; tags are not unique.
    pub(super) fn new_trace(&mut self, tag: &str) -> String {
        let id = self.ids.next();
        self.trace_index.insert(id.clone(), self.traces.len());
        self.traces.push(Trace::new(id.clone(), tag, times::now()));
        id
    }

    pub(super) fn trigger_instance_mut(&mut self, id: &str) -> Option<&mut Value> {
        self.trigger_instances.iter_mut().rev().find(|instance| instance["id"] == id)
    }

    /// Moves an execution to a state, with its log and its events. A terminal state gets its end time, too.
    pub(super) fn set_status(&mut self, id: &str, status: Status) {
        let now = times::now();
        let Some(execution) = self.execution_mut(id) else { return };
        execution.status = status;
        execution.log.push((now, status));
        // An abandoned execution has no end: its runner is gone.
        if status.is_terminal() && status != Status::Abandoned {
            execution.end = Some(now);
        }
        self.announce(id, "update");
    }

    /// Sends an execution's two events to the stream, if anybody reads it.
    pub(super) fn announce(&self, id: &str, what: &str) {
        if self.events.receiver_count() == 0 {
            return;
        }
        self.announce_liveaction(id, what);
        let Some(execution) = self.execution(id) else { return };
        let (name, shown) = (format!("st2.execution__{what}"), execution.show(Shown::READ));
        self.send(Event::new(name, execution.action_ref(), Some(id), execution.status, &shown));
    }

    /// Sends the event of its live action only.
    pub(super) fn announce_liveaction(&self, id: &str, what: &str) {
        let Some(execution) = self.execution(id) else { return };
        let (name, shown) = (format!("st2.liveaction__{what}"), execution.show_liveaction());
        self.send(Event::new(name, execution.action_ref(), None, execution.status, &shown));
    }

    fn send(&self, event: Event) {
        // Nobody listening is no error.
        let _ = self.events.send(Arc::new(event));
    }

    /// A step to be taken after a while.
    pub(super) fn after(&mut self, wait: Duration, step: Step) {
        self.sequence += 1;
        self.due.insert((Instant::now() + wait, self.sequence), step);
        self.wake.notify_one();
    }

    /// When the next step is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Hands out the first step that was due by this time.
    pub(super) fn next_step(&mut self, by: Instant) -> Option<Step> {
        let entry = self.due.first_entry().filter(|entry| entry.key().0 <= by)?;
        Some(entry.remove())
    }

    /// The executions that a POST, a rule or a re-run has started, as the database holds them.
    pub(super) fn roots(&self) -> impl Iterator<Item = &Execution> {
        self.executions.iter().filter(|execution| execution.parent.is_none())
    }

    /// The counts of `GET /_stand_in/state`.
    pub(super) fn summary(&self) -> Value {
        let mut by_tag: Map<String, Value> = Map::new();
        for execution in self.roots() {
            let tag = self.trace(&execution.trace).map_or("", |trace| trace.tag.as_str());
            let entry = by_tag.entry(tag).or_insert_with(|| json!([]));
            if let Value::Array(list) = entry {
                list.push(json!({
                    "id": execution.id, "action": execution.action_ref(), "status": execution.status.as_str(),
                    "started": execution.has_started(), "orphan": !execution.published,
                }));
            }
        }
        let started = self.roots().filter(|execution| execution.has_started()).count();
        json!({
            "executions": self.executions.len(), "roots": self.roots().count(), "started": started, "by_tag": by_tag,
            "seen": self.seen, "faults": self.faults.list(), "front": self.front,
        })
    }
}
