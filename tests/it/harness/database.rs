//! A database of the test's own: on the shared MariaDB with its own user, or an SQLite file.

use super::services::{Services, through};
use diesel::{
    Connection, MysqlConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_query,
    sql_types::{BigInt, Nullable, Text},
};
use poundcake::database::{Database, connect::DatabaseUrl, migrations};
use std::{net::SocketAddr, sync::Arc};
use url::Url;

/// An empty database, gone on drop. Queries here are for a test's preparations and assertions.
#[derive(Debug)]
pub enum TestDatabase {
    /// One database and one user on MariaDB.
    MariaDb { services: Arc<Services>, name: String },
    /// A file in a temporary directory.
    Sqlite { directory: tempfile::TempDir },
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

impl TestDatabase {
    /// A new database on the servers that the tests share.
    pub fn mariadb() -> Self {
        Self::mariadb_on(Services::shared())
    }

    /// A new database on the test's own servers.
    pub fn mariadb_on(services: Arc<Services>) -> Self {
        let name = format!("pc_{}", uuid::Uuid::now_v7().simple());
        let mut admin = MysqlConnection::establish(services.database.as_str()).expect("MariaDB's administrator");
        let statements = [
            format!("CREATE DATABASE {name} CHARACTER SET utf8mb4"),
            format!("CREATE USER {name}@'%' IDENTIFIED BY 'test'"),
            format!("GRANT ALL PRIVILEGES ON {name}.* TO {name}@'%'"),
        ];
        for statement in statements {
            sql_query(statement).execute(&mut admin).expect("a database and its user");
        }
        Self::MariaDb { services, name }
    }

    /// A new SQLite file.
    pub fn sqlite() -> Self {
        Self::Sqlite { directory: tempfile::tempdir().expect("a directory") }
    }

    /// One of each, for behaviour that both stores must show.
    pub fn each() -> [Self; 2] {
        [Self::mariadb(), Self::sqlite()]
    }

    /// Another one of the same kind.
    pub fn another(&self) -> Self {
        match self {
            Self::MariaDb { .. } => Self::mariadb(),
            Self::Sqlite { .. } => Self::sqlite(),
        }
    }

    /// A store of so many connections on it, with the schema up.
    pub fn store(&self, connections: u32) -> Database {
        let store = Database::new(DatabaseUrl::parse(&self.url()).expect("a URL"), connections);
        store.run_blocking(migrations::up).expect("the schema");
        store
    }

    /// What `DATABASE_URL` takes.
    pub fn url(&self) -> String {
        match self {
            Self::MariaDb { services, name } => own_url(services, name).to_string(),
            Self::Sqlite { .. } => format!("sqlite://{}", self.file()),
        }
    }

    /// `DATABASE_URL` with a proxy before MariaDB.
    pub fn url_through(&self, proxy: SocketAddr) -> String {
        match self {
            Self::MariaDb { services, name } => through(&own_url(services, name), proxy).to_string(),
            Self::Sqlite { .. } => panic!("SQLite has no network to break"),
        }
    }

    /// MariaDB's own address, for a proxy's target.
    pub fn address(&self) -> SocketAddr {
        match self {
            Self::MariaDb { services, .. } => super::services::address(&services.database),
            Self::Sqlite { .. } => panic!("SQLite has no address"),
        }
    }

    /// Runs a statement and gives the affected rows.
    pub fn execute(&self, sql: &str) -> usize {
        match self {
            Self::MariaDb { .. } => sql_query(sql).execute(&mut self.connect_mariadb()),
            Self::Sqlite { .. } => sql_query(sql).execute(&mut self.connect_sqlite()),
        }
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// `SELECT COUNT(*)` of `rest`, which is a table with or without its `WHERE`.
    pub fn count(&self, rest: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS value FROM {rest}");
        let rows: Vec<Count> = match self {
            Self::MariaDb { .. } => sql_query(&sql).load(&mut self.connect_mariadb()),
            Self::Sqlite { .. } => sql_query(&sql).load(&mut self.connect_sqlite()),
        }
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
        rows[0].value
    }

    /// The rows of a query with one text column named `value` (`SELECT CONCAT(…) AS value …`); NULL is "NULL".
    pub fn lines(&self, sql: &str) -> Vec<String> {
        let rows: Vec<Line> = match self {
            Self::MariaDb { .. } => sql_query(sql).load(&mut self.connect_mariadb()),
            Self::Sqlite { .. } => sql_query(sql).load(&mut self.connect_sqlite()),
        }
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
        rows.into_iter().map(|row| row.value.unwrap_or_else(|| "NULL".to_owned())).collect()
    }

    /// Runs a statement as MariaDB's administrator; `{user}` in it is this database's user.
    pub fn administer(&self, sql: &str) {
        let Self::MariaDb { services, name } = self else { panic!("SQLite has no administrator") };
        let mut admin = MysqlConnection::establish(services.database.as_str()).expect("MariaDB's administrator");
        let sql = sql.replace("{user}", &format!("{name}@'%'"));
        sql_query(&sql).execute(&mut admin).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Holds a connection as this database's user, if there is one left for it.
    pub fn hold(&self) -> Option<MysqlConnection> {
        MysqlConnection::establish(&self.url()).ok()
    }

    fn file(&self) -> String {
        match self {
            Self::MariaDb { .. } => panic!("MariaDB is no file"),
            Self::Sqlite { directory } => directory.path().join("poundcake.db").display().to_string(),
        }
    }

    fn connect_mariadb(&self) -> MysqlConnection {
        MysqlConnection::establish(&self.url()).expect("the test's database")
    }

    fn connect_sqlite(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(&self.file()).expect("the test's file");
        // Another process may be writing; wait for it like the program does.
        sql_query("PRAGMA busy_timeout = 10000").execute(&mut connection).expect("a pragma");
        connection
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Self::MariaDb { services, name } = self else { return };
        // Servers that the test killed take their databases with them.
        let Ok(mut admin) = MysqlConnection::establish(services.database.as_str()) else { return };
        // An open transaction of a process that outlived its test would hold up the DROP.
        for statement in [format!("KILL USER {name}"), format!("DROP USER {name}"), format!("DROP DATABASE {name}")] {
            if let Err(e) = sql_query(&statement).execute(&mut admin) {
                eprintln!("{statement}: {e}");
            }
        }
    }
}

fn own_url(services: &Services, name: &str) -> Url {
    let mut url = services.database.clone();
    url.set_username(name).expect("a URL with a user");
    url.set_password(Some("test")).expect("a URL with a password");
    url.set_path(name);
    url
}
