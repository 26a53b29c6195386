//! The backups of docs/backup.md, by the tools that it names.

use crate::harness::{Services, TestDatabase};
use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
};

/// How a backup is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `mariadb-dump --single-transaction`
    Logical,
    /// `mariabackup`
    Physical,
    /// SQLite's `.backup`
    File,
}

/// A backup in a directory of its own.
pub struct Backup {
    kind: Kind,
    directory: tempfile::TempDir,
}

fn done(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn by_socket(program: &str, services: &Services) -> Command {
    let mut command = Command::new(program);
    let socket = services.database_directory().join("m.sock");
    command.arg("--no-defaults").arg(format!("--socket={}", socket.display())).arg("--user=root");
    command
}

impl Backup {
    /// Takes one while everything goes on.
    pub fn take(kind: Kind, database: &TestDatabase) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("backup");
        match (kind, database) {
            (Kind::Logical, TestDatabase::MariaDb { services, name }) => {
                let file = File::create(&target).expect("a file");
                done(by_socket("mariadb-dump", services).args(["--single-transaction", name]).stdout(file));
            }
            (Kind::Physical, TestDatabase::MariaDb { services, .. }) => {
                let data = format!("--datadir={}", services.database_directory().join("data").display());
                let target = format!("--target-dir={}", target.display());
                done(by_socket("mariabackup", services).args(["--backup", &data, &target]));
                done(Command::new("mariabackup").args(["--no-defaults", "--prepare", &target]));
            }
            (Kind::File, _) => {
                let backup = format!(".backup {}", target.display());
                done(Command::new("sqlite3").arg(database.path()).arg(backup));
            }
            other => panic!("{other:?}"),
        }
        Self { kind, directory }
    }

    /// Restores it to an empty server, or in the place of the file.
    pub fn restore(&self, database: &TestDatabase) {
        let from = self.directory.path().join("backup");
        match (self.kind, database) {
            (Kind::Logical, TestDatabase::MariaDb { services, name }) => {
                lose(services);
                services.revive_database();
                database.create_again();
                let dump = Stdio::from(File::open(&from).expect("the dump"));
                done(by_socket("mariadb", services).arg(name).stdin(dump));
            }
            (Kind::Physical, TestDatabase::MariaDb { services, .. }) => {
                let data = lose(services);
                let (data, from) =
                    (format!("--datadir={}", data.display()), format!("--target-dir={}", from.display()));
                done(Command::new("mariabackup").args(["--no-defaults", "--copy-back", &data, &from]));
                services.revive_database();
            }
            (Kind::File, _) => {
                for suffix in ["", "-wal", "-shm"] {
                    // What was checkpointed has no such files.
                    drop(std::fs::remove_file(format!("{}{suffix}", database.path())));
                }
                std::fs::copy(from, database.path()).expect("a copy");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The server dies with its disk; returns where its data was.
fn lose(services: &Services) -> std::path::PathBuf {
    services.kill_database();
    let data = services.database_directory().join("data");
    // It may still write while it dies.
    while Path::new(&data).exists() {
        drop(std::fs::remove_dir_all(&data));
    }
    data
}
