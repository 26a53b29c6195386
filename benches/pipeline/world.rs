//! MariaDB and RabbitMQ of the benchmark's own, durable as in production, on this machine.

use anyhow::{Context, ensure};
use diesel::{Connection, MysqlConnection, connection::SimpleConnection};
use poundcake::{
    broker::amqp::QUEUE,
    database::{self, connect::DatabaseUrl, migrations},
};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The servers, stopped on drop.
pub struct World {
    directory: tempfile::TempDir,
    server: String,
    /// `AMQP_URL`.
    pub amqp: String,
    /// `mariadbd` and RabbitMQ's `beam.smp`.
    pub servers: [(&'static str, u32); 2],
    runtime: tokio::runtime::Runtime,
    broker: lapin::Connection,
}

/// One database on the server, with PoundCake's schema.
#[derive(Debug, Clone)]
pub struct Database {
    /// `DATABASE_URL`.
    pub url: String,
}

impl World {
    /// Starts both servers.
    pub fn start() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("poundcake-bench.").tempdir_in("/tmp")?;
        script(directory.path(), "start")?;
        let text = std::fs::read_to_string(directory.path().join("env"))?;
        let exported = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
            line.map(str::to_owned).with_context(|| format!("{name} is missing"))
        };
        let pid = |file: &str| -> anyhow::Result<u32> {
            Ok(std::fs::read_to_string(directory.path().join(file))?.trim().parse()?)
        };
        let servers = [("mariadb", pid("maria/m.pid")?), ("rabbitmq", pid("rabbit/rabbit.pid")?)];
        let (server, amqp) = (exported("TEST_DATABASE_URL")?, exported("TEST_AMQP_URL")?);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let broker = runtime.block_on(lapin::Connection::connect(&amqp, lapin::ConnectionProperties::default()))?;
        Ok(Self { directory, server, amqp, servers, runtime, broker })
    }

    /// Makes a database with the schema.
    pub fn database(&self, name: &str) -> anyhow::Result<Database> {
        let database = self.empty_database(name)?;
        database::Database::new(DatabaseUrl::parse(&database.url)?, 1).run_blocking(migrations::up)?;
        Ok(database)
    }

    /// Makes a database without tables.
    pub fn empty_database(&self, name: &str) -> anyhow::Result<Database> {
        MysqlConnection::establish(&self.server)?.batch_execute(&format!("CREATE DATABASE {name}"))?;
        Ok(Database { url: format!("{}/{name}", self.server) })
    }

    /// Whether the queue is there; PoundCake declares it.
    pub fn has_queue(&self) -> bool {
        let passive = lapin::options::QueueDeclareOptions { passive: true, ..Default::default() };
        let declared = self.runtime.block_on(async {
            let channel = self.broker.create_channel().await?;
            channel.queue_declare(QUEUE.into(), passive, lapin::types::FieldTable::default()).await
        });
        declared.is_ok()
    }

    /// Takes every message out of the queue.
    pub fn purge_queue(&self) -> anyhow::Result<()> {
        self.runtime.block_on(async {
            let channel = self.broker.create_channel().await?;
            channel.queue_purge(QUEUE.into(), lapin::options::QueuePurgeOptions::default()).await?;
            channel.close(200, "purged".into()).await?;
            Ok(())
        })
    }

    /// A place for files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Err(error) = script(self.directory.path(), "stop") {
            eprintln!("{error}");
        }
    }
}

impl Database {
    /// A connection without PoundCake.
    pub fn connect(&self) -> anyhow::Result<MysqlConnection> {
        Ok(MysqlConnection::establish(&self.url)?)
    }

    /// Empties the tables.
    pub fn truncate(&self) -> anyhow::Result<()> {
        self.connect()?.batch_execute(
            "SET FOREIGN_KEY_CHECKS = 0; TRUNCATE poundcake_st2_execution_link; TRUNCATE poundcake_alerts; \
             TRUNCATE poundcake_api_calls; SET FOREIGN_KEY_CHECKS = 1;",
        )?;
        Ok(())
    }
}

fn script(directory: &Path, command: &str) -> anyhow::Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/services.sh");
    let output = Command::new(script)
        .arg(command)
        .env("POUNDCAKE_TEST_DIR", directory)
        .env("POUNDCAKE_TEST_DURABLE", "1")
        .output()?;
    ensure!(output.status.success(), "services.sh {command}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
