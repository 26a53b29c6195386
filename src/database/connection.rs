//! The connection to either database: derived by `MultiConnection`, with a macro for what it cannot do.
#![expect(missing_docs, reason = "diesel's derive makes public items without docs")]

/// One connection, to the database that the URL names. All queries but a few run through the enum alike.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// MariaDB through Connector/C.
    #[cfg(feature = "mysql")]
    Mysql(diesel::MysqlConnection),
    /// SQLite, compiled in.
    #[cfg(feature = "sqlite")]
    Sqlite(diesel::SqliteConnection),
}

/// Compiles one body for each concrete connection: for what `MultiConnection` cannot do (batch INSERT, migrations).
macro_rules! each {
    ($conn:expr, |$inner:ident| $body:expr) => {
        match $conn {
            #[cfg(feature = "mysql")]
            $crate::database::connection::AnyConnection::Mysql($inner) => $body,
            #[cfg(feature = "sqlite")]
            $crate::database::connection::AnyConnection::Sqlite($inner) => $body,
        }
    };
}
pub(crate) use each;

impl AnyConnection {
    /// SQLite: one writer at a time, so what was read in a transaction cannot change before it ends.
    pub fn is_single_writer(&self) -> bool {
        match self {
            #[cfg(feature = "mysql")]
            Self::Mysql(_) => false,
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => true,
        }
    }
}
