//! A database of the test's own: on the shared MariaDB with its own users, or an SQLite file.

use super::{
    grants,
    services::{Services, through},
};
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
    /// One database on MariaDB, with the users and exactly the rights of `deploy/mariadb/grants.sql`.
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
        create(&services, &name);
        Self::MariaDb { services, name }
    }

    /// The same, empty, on a server that lost it.
    pub fn create_again(&self) {
        let Self::MariaDb { services, name } = self else { panic!("SQLite has no server") };
        create(services, name);
    }

    /// SQLite's file.
    pub fn path(&self) -> String {
        self.file()
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
        let owner = Database::new(DatabaseUrl::parse(&self.owner_url()).expect("a URL"), 1);
        owner.run_blocking(migrations::up).expect("the schema");
        Database::new(DatabaseUrl::parse(&self.url()).expect("a URL"), connections)
    }

    /// `DATABASE_URL` of every process that must not change the schema.
    pub fn url(&self) -> String {
        match self {
            Self::MariaDb { services, name } => own_url(services, name, name).to_string(),
            Self::Sqlite { .. } => format!("sqlite://{}", self.file()),
        }
    }

    /// `DATABASE_URL` of `migrate`, and of `standalone`, which makes its schema itself.
    pub fn owner_url(&self) -> String {
        match self {
            Self::MariaDb { services, name } => own_url(services, name, &grants::users(name)[0]).to_string(),
            Self::Sqlite { .. } => self.url(),
        }
    }

    /// What StackStorm's workflows may read with.
    pub fn reader_url(&self) -> String {
        match self {
            Self::MariaDb { services, name } => own_url(services, name, &grants::users(name)[2]).to_string(),
            Self::Sqlite { .. } => panic!("SQLite has no users"),
        }
    }

    /// `DATABASE_URL` for this command.
    pub fn url_for(&self, command: &str) -> String {
        if matches!(command, "migrate" | "standalone") { self.owner_url() } else { self.url() }
    }

    /// `DATABASE_URL` with a proxy before MariaDB.
    pub fn url_through(&self, proxy: SocketAddr) -> String {
        match self {
            Self::MariaDb { services, name } => through(&own_url(services, name, name), proxy).to_string(),
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

    /// Runs a statement, as the administrator, and gives the affected rows.
    pub fn execute(&self, sql: &str) -> usize {
        match self {
            Self::MariaDb { .. } => sql_query(sql).execute(&mut self.administrator()),
            Self::Sqlite { .. } => sql_query(sql).execute(&mut self.connect_sqlite()),
        }
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// `SELECT COUNT(*)` of `rest`, which is a table with or without its `WHERE`.
    pub fn count(&self, rest: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS value FROM {rest}");
        let rows: Vec<Count> = match self {
            Self::MariaDb { .. } => sql_query(&sql).load(&mut self.administrator()),
            Self::Sqlite { .. } => sql_query(&sql).load(&mut self.connect_sqlite()),
        }
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
        rows[0].value
    }

    /// The rows of a query with one text column named `value` (`SELECT CONCAT(…) AS value …`); NULL is "NULL".
    pub fn lines(&self, sql: &str) -> Vec<String> {
        let rows: Vec<Line> = match self {
            Self::MariaDb { .. } => sql_query(sql).load(&mut self.administrator()),
            Self::Sqlite { .. } => sql_query(sql).load(&mut self.connect_sqlite()),
        }
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
        rows.into_iter().map(|row| row.value.unwrap_or_else(|| "NULL".to_owned())).collect()
    }

    /// Runs a statement as MariaDB's administrator; `{user}` in it is the application's user, `{owner}` that of `migrate`.
    pub fn administer(&self, sql: &str) {
        let Self::MariaDb { services, name } = self else { panic!("SQLite has no administrator") };
        let mut admin = MysqlConnection::establish(services.database.as_str()).expect("MariaDB's administrator");
        let [owner, user, _] = grants::users(name).map(|user| format!("{user}@'%'"));
        let sql = sql.replace("{user}", &user).replace("{owner}", &owner);
        sql_query(&sql).execute(&mut admin).unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// Holds a connection as the application's user, if there is one left for it.
    pub fn hold(&self) -> Option<MysqlConnection> {
        MysqlConnection::establish(&self.url()).ok()
    }

    /// A connection that holds the locks of a statement, until it is dropped.
    pub fn locked(&self, sql: &str) -> MysqlConnection {
        let mut holder = self.administrator();
        for statement in ["BEGIN", sql] {
            sql_query(statement).execute(&mut holder).unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
        holder
    }

    fn file(&self) -> String {
        match self {
            Self::MariaDb { .. } => panic!("MariaDB is no file"),
            Self::Sqlite { directory } => directory.path().join("poundcake.db").display().to_string(),
        }
    }

    /// A connection of MariaDB's administrator in this database.
    pub fn administrator(&self) -> MysqlConnection {
        let Self::MariaDb { services, name } = self else { panic!("SQLite is no MariaDB") };
        let mut url = services.database.clone();
        url.set_path(name);
        MysqlConnection::establish(url.as_str()).expect("the test's database")
    }

    fn connect_sqlite(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(&self.file()).expect("the test's file");
        // Another process may be writing; wait for it like the program does.
        sql_query("PRAGMA busy_timeout = 10000").execute(&mut connection).expect("a pragma");
        connection
    }
}

fn create(services: &Services, name: &str) {
    let mut admin = MysqlConnection::establish(services.database.as_str()).expect("MariaDB's administrator");
    let users = grants::users(name).map(|user| format!("CREATE USER {user}@'%' IDENTIFIED BY 'test'"));
    let database = format!("CREATE DATABASE {name} CHARACTER SET utf8mb4");
    for statement in [database].into_iter().chain(users).chain(grants::statements(name)) {
        sql_query(&statement).execute(&mut admin).unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Self::MariaDb { services, name } = self else { return };
        // Servers that the test killed take their databases with them.
        let Ok(mut admin) = MysqlConnection::establish(services.database.as_str()) else { return };
        // An open transaction of a process that outlived its test would hold up the DROP.
        let users = grants::users(name).map(|user| [format!("KILL USER {user}"), format!("DROP USER {user}")]);
        for statement in users.into_iter().flatten().chain([format!("DROP DATABASE {name}")]) {
            if let Err(e) = sql_query(&statement).execute(&mut admin) {
                eprintln!("{statement}: {e}");
            }
        }
    }
}

fn own_url(services: &Services, name: &str, user: &str) -> Url {
    let mut url = services.database.clone();
    url.set_username(user).expect("a URL with a user");
    url.set_password(Some("test")).expect("a URL with a password");
    url.set_path(name);
    url
}
