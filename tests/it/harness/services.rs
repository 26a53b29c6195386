//! Where the shared MariaDB and RabbitMQ are: from the environment, or from what `make services` left running.

use std::{
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, LazyLock},
    time::Duration,
};
use url::Url;

/// The servers of one `tests/services.sh start`.
#[derive(Debug)]
pub struct Services {
    /// MariaDB with rights to make databases and users; no database named.
    pub database: Url,
    /// RabbitMQ's default vhost.
    pub amqp: Url,
    /// RabbitMQ's management API, which the tests' node has on.
    pub amqp_api: Url,
    /// Set on servers which belong to one test: stopped on drop.
    directory: Option<tempfile::TempDir>,
}

static SHARED: LazyLock<Result<Arc<Services>, String>> = LazyLock::new(|| Services::find().map(Arc::new));

impl Services {
    /// The servers that all tests of the run share. Never stop or reconfigure them.
    pub fn shared() -> Arc<Self> {
        SHARED.clone().unwrap_or_else(|why| {
            panic!("\n\n  This test needs MariaDB and RabbitMQ: {why}.\n  All tests: make test\n  Single ones: make services, then cargo test NAME\n\n")
        })
    }

    /// Servers for one test alone, for what cannot be done to shared ones: a kill, a memory alarm. Takes about 8 s.
    pub fn private() -> Arc<Self> {
        Self::private_with("", "")
    }

    /// The same with more words for mariadbd, and more lines for rabbitmq.conf.
    pub fn private_with(mariadb: &str, rabbitmq: &str) -> Arc<Self> {
        let directory = tempfile::Builder::new().prefix("poundcake-own.").tempdir_in("/tmp").expect("a directory");
        let lines = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(lines.path(), rabbitmq).expect("a file");
        let lines = lines.path().display().to_string();
        let more = [("POUNDCAKE_TEST_MARIADB_OPTIONS", mariadb), ("POUNDCAKE_TEST_RABBITMQ_CONF", lines.as_str())];
        script_with(directory.path(), &["start"], &more);
        let text = std::fs::read_to_string(directory.path().join("env")).expect("the script's env file");
        let mut own = Self::parse(|name| exported(&text, name)).expect("all variables");
        own.directory = Some(directory);
        Arc::new(own)
    }

    /// Runs `rabbitmqctl` on a private node.
    pub fn rabbitmqctl(&self, arguments: &[&str]) -> String {
        let directory = self.directory.as_ref().expect("rabbitmqctl is for private servers");
        script(directory.path(), &[&["rabbitmqctl"], arguments].concat())
    }

    /// kill -9 of a private MariaDB.
    pub fn kill_database(&self) {
        self.signal_database("KILL");
    }

    /// Sends a signal to a private MariaDB.
    pub fn signal_database(&self, signal: &str) {
        self.signal("maria/m.pid", signal);
    }

    /// Starts a private MariaDB after its kill, on the same data and port, and waits until it answers.
    pub fn revive_database(&self) {
        self.revive("revive-mariadb");
    }

    /// Where a private MariaDB lives: its socket is `m.sock`, its data `data`.
    pub fn database_directory(&self) -> PathBuf {
        self.directory.as_ref().expect("a private server").path().join("maria")
    }

    /// Sends a signal to a private RabbitMQ.
    pub fn signal_rabbitmq(&self, signal: &str) {
        self.signal("rabbit/rabbit.pid", signal);
    }

    /// Starts a private RabbitMQ after its kill, on the same data and ports, and waits until it answers.
    pub fn revive_rabbitmq(&self) {
        self.revive("revive-rabbitmq");
    }

    fn signal(&self, pid_file: &str, signal: &str) {
        let directory = self.directory.as_ref().expect("signals are for private servers");
        let pid = std::fs::read_to_string(directory.path().join(pid_file)).expect("the server's pid");
        super::process::signal(pid.trim().parse().expect("a number"), signal);
    }

    fn revive(&self, command: &str) {
        let directory = self.directory.as_ref().expect("reviving is for private servers");
        script(directory.path(), &[command]);
    }

    fn find() -> Result<Self, String> {
        let left_running = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-services/env");
        let text = std::fs::read_to_string(left_running).unwrap_or_default();
        #[expect(clippy::disallowed_methods, reason = "the tests' own variables, not the program's configuration")]
        let found = Self::parse(|name| std::env::var(name).ok().or_else(|| exported(&text, name)))?;
        for url in [&found.database, &found.amqp, &found.amqp_api] {
            let address = address(url);
            TcpStream::connect_timeout(&address, Duration::from_secs(5))
                .map_err(|e| format!("nothing answers at {address} ({e})"))?;
        }
        Ok(found)
    }

    fn parse(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let url = |name: &str| {
            let text = variable(name).ok_or_else(|| format!("{name} is not set and none were left running"))?;
            Url::parse(&text).map_err(|e| format!("{name} is no URL ({e})"))
        };
        Ok(Self {
            database: url("TEST_DATABASE_URL")?,
            amqp: url("TEST_AMQP_URL")?,
            amqp_api: url("TEST_AMQP_API_URL")?,
            directory: None,
        })
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        if let Some(directory) = &self.directory {
            script(directory.path(), &["stop"]);
        }
    }
}

/// Host and port of a URL, resolved.
pub fn address(url: &Url) -> SocketAddr {
    let default_port = || if url.scheme() == "mysql" { Some(3306) } else { Some(5672) };
    url.socket_addrs(default_port).ok().and_then(|found| found.first().copied()).expect("host and port")
}

/// The same URL with another host and port: a proxy's.
pub fn through(url: &Url, address: SocketAddr) -> Url {
    let mut other = url.clone();
    other.set_ip_host(address.ip()).expect("a URL with a host");
    other.set_port(Some(address.port())).expect("a URL with a port");
    other
}

fn exported(text: &str, name: &str) -> Option<String> {
    let start = format!("export {name}=");
    text.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
}

fn script(directory: &Path, arguments: &[&str]) -> String {
    script_with(directory, arguments, &[])
}

fn script_with(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services.sh");
    let output = Command::new(script)
        .env("POUNDCAKE_TEST_DIR", directory)
        .envs(variables.iter().copied())
        .args(arguments)
        .output()
        .expect("the script");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
    text
}
