//! The schema: what the migrations make on both databases, and who may run on it.

mod columns;
mod guards;
mod migrating;

use crate::harness::{Process, TestDatabase};
use poundcake::database::{connect::DatabaseUrl, connection::AnyConnection};

const TABLES: [&str; 3] = ["poundcake_api_calls", "poundcake_alerts", "poundcake_st2_execution_link"];

/// A command on this database; its broker and StackStorm are never reached.
fn command(database: &TestDatabase, name: &str) -> Process {
    Process::poundcake(name)
        .variable("DATABASE_URL", database.url_for(name))
        .variable("AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f")
        .variable("ST2_API_URL", "http://127.0.0.1:1/v1")
        .variable("ST2_API_KEY", "unused")
}

/// The program's own connection, with its session settings, as the owner of the schema.
fn connect(database: &TestDatabase) -> AnyConnection {
    DatabaseUrl::parse(&database.owner_url()).expect("a URL").connect(None).expect("a connection")
}

/// Both databases with the schema up.
fn migrated() -> [TestDatabase; 2] {
    let databases = TestDatabase::each();
    for database in &databases {
        poundcake::database::migrations::up(&mut connect(database)).expect("the migrations");
    }
    databases
}

/// All tables, in the order of their names.
fn tables(database: &TestDatabase) -> Vec<String> {
    database.lines(match database {
        TestDatabase::MariaDb { .. } => {
            "SELECT table_name AS value FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name"
        }
        TestDatabase::Sqlite { .. } => {
            "SELECT name AS value FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        }
    })
}
