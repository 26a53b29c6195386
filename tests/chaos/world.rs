//! What the run breaks: own servers, a proxy before each neighbour of each process, the real programs, the stand-in.

use crate::{
    guards::{Edit, Guards},
    harness::{ChaosProxy, Process, Running, Services, TestDatabase, Vhost},
    settings::{self, Plan},
    upgrade::Old,
};
use st2_stand_in::{Control, Front, Options, Pace, StandIn};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::OwnedMutexGuard;

const KEY: &str = "chaos-key";
const ROUTES: &str = "routes.yaml";

/// Something that one fault at a time may have.
type Hold = Arc<tokio::sync::Mutex<()>>;

/// A place for a process; killed and started again it keeps its address.
pub struct Slot {
    /// `ingest-1`.
    pub name: String,
    process: Process,
    old: Option<Process>,
    running: Mutex<Option<Running>>,
    /// The output of those that were killed.
    log: Mutex<String>,
    hold: Hold,
}

/// A proxy and what is on its sides.
pub struct Wire {
    /// `ingest-1/database`.
    pub name: String,
    /// To break it.
    pub proxy: ChaosProxy,
    /// Whether StackStorm is behind it.
    pub to_stackstorm: bool,
    hold: Hold,
}

/// Everything; dropped from the top, so that processes end before their neighbours.
pub struct World {
    /// Two ingests, then two dispatchers, then a tracker.
    pub slots: Vec<Slot>,
    /// One for each pair.
    pub wires: Vec<Wire>,
    /// StackStorm.
    pub stand_in: StandIn,
    /// The rows.
    pub database: TestDatabase,
    /// The queue.
    pub vhost: Vhost,
    /// Held by what concerns the broker.
    pub broker: Hold,
    /// Held by what concerns the database.
    pub maria: Hold,
    /// Held by what concerns StackStorm.
    pub stackstorm: Hold,
    /// To kill and to revive.
    pub services: Arc<Services>,
    /// The limits of the routes.
    pub guards: Guards,
    /// The version that the run upgrades from.
    pub old: Option<Old>,
    /// Which versions start on the schema: a process refuses a newer one than it knows.
    pub startable: Mutex<Vec<Version>>,
    began: Instant,
    routes: tempfile::TempDir,
}

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The one under test.
    This,
    /// The one that the run upgrades from, if there is one.
    Old,
}

/// Takes what is free; a fault that finds its object held chooses another.
pub fn take(hold: &Hold) -> Option<OwnedMutexGuard<()>> {
    Arc::clone(hold).try_lock_owned().ok()
}

impl World {
    /// Starts everything and waits until it is ready.
    pub async fn start(plan: &Plan) -> Arc<Self> {
        let mut guards = Guards::draw(plan.seed);
        let routes = tempfile::tempdir().expect("a directory");
        let routes_path = routes.path().join(ROUTES);
        std::fs::write(&routes_path, guards.routes(&Edit::default())).expect("the routes file");
        let mut old = None;
        if let Some(program) = &plan.old {
            let known = Old::new(program, &routes_path).await;
            guards.on = known.knows_guards;
            old = Some(known);
        }
        std::fs::write(&routes_path, guards.routes(&Edit::default())).expect("the routes file");
        let services = Services::private();
        let (database, vhost) = (TestDatabase::mariadb_on(services.clone()), Vhost::new_on(services.clone()).await);
        let stand_in = StandIn::start(&Options::for_tests(KEY)).expect("the stand-in");
        // Slow enough that a workflow is under way for a moment.
        let real = Pace::real();
        stand_in.control().set_pace(Pace { enforce: Duration::from_millis(60), ..real });
        let mut world = Self {
            slots: Vec::new(),
            wires: Vec::new(),
            stand_in,
            database,
            vhost,
            broker: Hold::default(),
            maria: Hold::default(),
            stackstorm: Hold::default(),
            services,
            guards,
            startable: Mutex::new(vec![if old.is_some() { Version::Old } else { Version::This }]),
            old,
            began: Instant::now(),
            routes,
        };
        world.migrate(Version::Old).await.expect("migrate up");
        for (command, count) in [("ingest", 2), ("dispatcher", 2), ("tracker", 1)] {
            for number in 1..=count {
                world.add(command, number).await;
            }
        }
        world.began = Instant::now();
        Arc::new(world)
    }

    /// Brings the schema to a version.
    pub async fn migrate(&self, version: Version) -> Result<(), String> {
        let migrate = Process::poundcake("migrate").argument("up").variable("DATABASE_URL", self.database.owner_url());
        let migrate = match (&self.old, version) {
            (Some(old), Version::Old) => old.version_of(migrate),
            _ => migrate,
        };
        let (status, _, error) = migrate.run().await;
        if status.success() { Ok(()) } else { Err(error) }
    }

    /// Changes the routes file; a reader sees the old one or the new one, whole.
    pub fn edit_routes(&self, edit: &Edit) {
        let next = self.routes.path().join("next");
        std::fs::write(&next, self.guards.routes(edit)).expect("a file");
        std::fs::rename(&next, self.routes.path().join(ROUTES)).expect("the routes file");
    }

    /// This version, or the other one if this one does not start on the schema.
    pub fn possible(&self, version: Version) -> Version {
        let startable = lock(&self.startable);
        if startable.contains(&version) { version } else { startable[0] }
    }

    async fn add(&mut self, command: &str, number: usize) {
        let name = format!("{command}-{number}");
        let st2: url::Url = self.stand_in.api_url().parse().expect("a URL");
        let st2_address = st2.socket_addrs(|| None).expect("an address")[0];
        let (database, broker) =
            (wire(&name, "database", self.database.address()), wire(&name, "broker", self.vhost.address()));
        let stackstorm = (command != "ingest").then(|| wire(&name, "stackstorm", st2_address));
        let mut process = Process::poundcake(command)
            .variable("DATABASE_URL", self.database.url_through(database.proxy.address()))
            .variable("AMQP_URL", self.vhost.url_through(broker.proxy.address()))
            .variable("POUNDCAKE_ROUTES", self.routes.path().join(ROUTES).display().to_string())
            .variable("ST2_STREAM_URL", self.stand_in.stream_url())
            .variable("ST2_API_KEY", KEY);
        if let Some(wire) = &stackstorm {
            process = process.variable("ST2_API_URL", format!("http://{}/v1", wire.proxy.address()));
        }
        for (name, value) in settings::variables() {
            process = process.variable(name, value);
        }
        process = process.clock("+0s");
        let old = self.old.as_ref().map(|old| old.version_of(process.clone()));
        let running = old.as_ref().unwrap_or(&process).start().ready().await;
        self.wires.extend([database, broker].into_iter().chain(stackstorm));
        let (running, log) = (Mutex::new(Some(running)), Mutex::default());
        self.slots.push(Slot { name, process, old, running, log, hold: Hold::default() });
    }

    /// Where webhooks and orders go.
    pub fn servers(&self) -> Vec<String> {
        let ingests = self.slots.iter().filter(|slot| slot.name.starts_with("ingest"));
        ingests.map(|slot| format!("http://{}", slot.process.address())).collect()
    }

    /// Where webhooks go.
    pub fn webhook_urls(&self) -> Vec<String> {
        self.servers().into_iter().map(|server| format!("{server}/api/v1/webhook")).collect()
    }

    /// Steers StackStorm.
    pub fn control(&self) -> Control {
        self.stand_in.control()
    }

    /// Prints a line with the seconds since the start.
    pub fn say(&self, text: &str) {
        println!("{:7.2}s {text}", self.began.elapsed().as_secs_f64());
    }

    /// Nothing is broken any more: what stopped runs, what was cut is whole.
    pub fn heal(&self) {
        self.edit_routes(&Edit::default());
        self.control().clear_faults();
        self.control().set_front(Front::Nothing);
        for wire in &self.wires {
            wire.proxy.restore_networking();
        }
        for slot in &self.slots {
            slot.revive(self.possible(Version::This));
        }
    }

    /// How often a dispatcher deleted a queue that RabbitMQ no longer served.
    pub fn repairs(&self) -> usize {
        self.slots.iter().map(|slot| slot.output().matches("event=queue_repaired").count()).sum()
    }

    /// How often a guard began to hold the line of a route.
    pub fn lines_held(&self) -> usize {
        self.slots.iter().map(|slot| slot.output().matches("event=line_held").count()).sum()
    }

    /// How often a dispatcher told its operator to delete the queue.
    pub fn told_to_delete_the_queue(&self) -> usize {
        self.slots.iter().map(|slot| slot.output().matches("rabbitmqctl delete_queue").count()).sum()
    }

    /// Processes that ended by themselves.
    pub fn ended(&self) -> Vec<String> {
        self.slots.iter().filter(|slot| slot.has_ended()).map(|slot| slot.name.clone()).collect()
    }
}

fn wire(process: &str, neighbour: &str, target: std::net::SocketAddr) -> Wire {
    Wire {
        name: format!("{process}/{neighbour}"),
        proxy: ChaosProxy::before(target),
        to_stackstorm: neighbour == "stackstorm",
        hold: Hold::default(),
    }
}

impl Slot {
    /// One fault at a time.
    pub fn take(&self) -> Option<OwnedMutexGuard<()>> {
        take(&self.hold)
    }

    /// The same, as soon as its fault is over.
    pub async fn wait(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.hold).lock_owned().await
    }

    /// kill -9.
    pub fn kill(&self) {
        if let Some(running) = lock(&self.running).take() {
            running.kill();
            let mut log = lock(&self.log);
            log.push_str(&running.output("stderr"));
            log.push_str("---- killed ----\n");
        }
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        if let Some(running) = &*lock(&self.running) {
            running.signal_term();
        }
    }

    /// Starts it where it was killed, and does not wait for it.
    pub fn revive(&self, version: Version) {
        let mut running = lock(&self.running);
        if running.is_none() {
            let old = self.old.as_ref().filter(|_| version == Version::Old);
            *running = Some(old.unwrap_or(&self.process).start());
        }
    }

    /// Its host's clock is so many seconds off, until it is started again.
    pub fn step_clock(&self, seconds: i32) {
        if let Some(running) = &*lock(&self.running) {
            running.step_clock(&format!("{seconds:+}s"));
        }
    }

    /// SIGSTOP or SIGCONT.
    pub fn pause(&self, paused: bool) {
        if let Some(running) = &*lock(&self.running) {
            if paused { running.pause() } else { running.resume() }
        }
    }

    /// Whether it runs no more.
    pub fn has_ended(&self) -> bool {
        lock(&self.running).as_ref().is_some_and(Running::has_ended)
    }

    /// Everything that it has written.
    pub fn output(&self) -> String {
        let now = lock(&self.running).as_ref().map(|running| running.output("stderr")).unwrap_or_default();
        format!("{}{now}", lock(&self.log))
    }
}

impl Wire {
    /// One fault at a time.
    pub fn take(&self) -> Option<OwnedMutexGuard<()>> {
        take(&self.hold)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
