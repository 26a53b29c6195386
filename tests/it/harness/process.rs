//! The real programs as separate processes: PoundCake's own binary, Alertmanager, Prometheus.

use super::{eventually::eventually, http::client, ports::Reserved};
use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A first answer may wait for a busy machine.
const READY: Duration = Duration::from_mins(1);

/// What to start. Starting it again gives the same program on the same address: a restart.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its file.
    pub program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    files: Vec<(&'static str, String)>,
    directories: Vec<&'static str>,
    /// Shared by all that are started from this.
    reserved: Arc<Reserved>,
    ready_path: &'static str,
}

impl Process {
    /// A subcommand of the binary under test, told to listen on a port that is held for it where it listens at all.
    pub fn poundcake(command: &str) -> Self {
        let process = Self::program(env!("CARGO_BIN_EXE_poundcake"), "/readyz").argument(command);
        let listen = process.address().to_string();
        match command {
            "ingest" | "standalone" => process.variable("POUNDCAKE_LISTEN", listen),
            "dispatcher" => process.variable("POUNDCAKE_DISPATCHER_LISTEN", listen),
            "tracker" => process.variable("POUNDCAKE_TRACKER_LISTEN", listen),
            // Its three ports are any free ones; it prints where they are.
            "stand-in" => process.argument("--listen").argument("127.0.0.1:0"),
            _ => process,
        }
    }

    /// Any program; it must be told [`Self::address`]. `ready_path` answers 200 once it is ready.
    pub fn program(program: impl AsRef<Path>, ready_path: &'static str) -> Self {
        let (program, reserved) = (program.as_ref().to_owned(), Arc::new(Reserved::any()));
        Self {
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            files: Vec::new(),
            directories: Vec::new(),
            reserved,
            ready_path,
        }
    }

    /// Adds an argument.
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Starts it through another program that becomes it, such as `prlimit` or `setpriv`.
    pub fn through(mut self, program: &str, arguments: &[&str]) -> Self {
        let itself = std::mem::replace(&mut self.program, program.into()).display().to_string();
        let before = arguments.iter().map(|argument| (*argument).to_owned()).chain([itself]);
        self.arguments.splice(0..0, before);
        self
    }

    /// Sets a variable. Nothing but `PATH` is inherited.
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Puts a file into the directory it is started in.
    pub fn file(mut self, name: &'static str, content: impl Into<String>) -> Self {
        self.files.push((name, content.into()));
        self
    }

    /// Makes a directory in the directory it is started in.
    pub fn directory_named(mut self, name: &'static str) -> Self {
        self.directories.push(name);
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.reserved.address()
    }

    /// Starts it in a directory of its own, so that no `.env` is found but the test's.
    pub fn start(&self) -> Running {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, content) in &self.files {
            std::fs::write(directory.path().join(name), content).expect("a file");
        }
        for name in &self.directories {
            std::fs::create_dir(directory.path().join(name)).expect("a directory");
        }
        let file = |name: &str| Stdio::from(File::create(directory.path().join(name)).expect("an output file"));
        #[expect(clippy::disallowed_methods, reason = "PATH is the shell's, not the program's configuration")]
        let path = std::env::var("PATH").unwrap_or_default();
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs([("PATH", path.as_str()), ("RUST_BACKTRACE", "1"), ("RUST_LOG", "info,poundcake=debug")])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e} (make test installs it)", self.program.display()));
        Running { process: self.clone(), child: Mutex::new(child), directory }
    }

    /// Runs it to its end: status, standard output, standard error.
    pub async fn run(&self) -> (ExitStatus, String, String) {
        let running = self.start();
        let status = running.exited(READY).await;
        (status, running.output("stdout"), running.output("stderr"))
    }
}

/// A started process: killed on drop, its output shown if the test fails.
#[derive(Debug)]
pub struct Running {
    process: Process,
    child: Mutex<Child>,
    directory: tempfile::TempDir,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// An address of its HTTP server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Waits until it says that it is ready; fails at once if it ends instead.
    pub async fn ready(self) -> Self {
        let url = self.url(self.process.ready_path);
        let name = self.name();
        eventually(&format!("{name} is ready"), READY, async || {
            if let Some(status) = self.status() {
                panic!("{name} ended with {status} instead of getting ready");
            }
            let answer = client().get(&url).send().await.map_err(|e| format!("{e:?}"))?;
            if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
        })
        .await;
        self
    }

    /// kill -9.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        // It may have ended already.
        drop(child.kill());
        drop(child.wait());
    }

    /// Starts the same program again, on the same address; one that still runs is killed first.
    pub async fn again(&self) -> Self {
        self.kill();
        self.process.start().ready().await
    }

    /// SIGSTOP: it keeps its sockets and does nothing.
    pub fn pause(&self) {
        signal(self.pid(), "STOP");
    }

    /// Lifts the limit of its files' sizes that it was started with: room on the disk.
    pub fn unlimited(&self) {
        let pid = self.pid().to_string();
        let lifted = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:unlimited"]).status();
        assert!(lifted.expect("prlimit").success());
    }

    /// SIGCONT.
    pub fn resume(&self) {
        signal(self.pid(), "CONT");
    }

    /// SIGTERM.
    pub fn signal_term(&self) {
        signal(self.pid(), "TERM");
    }

    /// SIGTERM, and waits for its end.
    pub async fn terminate(&self, deadline: Duration) -> ExitStatus {
        self.signal_term();
        self.exited(deadline).await
    }

    /// Waits for its end.
    pub async fn exited(&self, deadline: Duration) -> ExitStatus {
        let what = format!("{} ends", self.name());
        eventually(&what, deadline, async || self.status().ok_or("still running")).await
    }

    /// The directory it was started in.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What it has written to `stdout` or `stderr` so far.
    pub fn output(&self, stream: &str) -> String {
        let bytes = std::fs::read(self.directory.path().join(stream)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The log lines with this `event`.
    pub fn events(&self, event: &str) -> Vec<String> {
        let key = format!("event={event}");
        self.output("stderr")
            .lines()
            .filter(|line| line.split(' ').any(|word| word == key))
            .map(str::to_owned)
            .collect()
    }

    /// Whether it has ended, by itself or not.
    pub fn has_ended(&self) -> bool {
        self.status().is_some()
    }

    /// How many threads it has.
    pub fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.pid())).expect("a running process").count()
    }

    fn status(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().expect("our child")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    fn name(&self) -> String {
        let program = self.process.program.file_name().unwrap_or_default().to_string_lossy();
        format!("{program} {}", self.process.arguments.join(" "))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            for stream in ["stdout", "stderr"] {
                let text = self.output(stream);
                let lines: Vec<_> = text.lines().collect();
                let last = lines[lines.len().saturating_sub(200)..].join("\n");
                eprintln!("---- {} ({}) {stream}:\n{last}", self.name(), self.address());
            }
        }
    }
}

/// Sends a signal by its name, through the shell's `kill`: the crate forbids unsafe code.
pub fn signal(pid: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -s {name} {pid}")]).status().expect("a shell");
    assert!(sent.success(), "kill -s {name} {pid}");
}
