//! The SQL type of times that people and senders choose, of any year. (Times of diesel's own `Timestamp` are sent to MariaDB as
//! TIMESTAMP, which ends in 2038: MariaDB stores a later one as NULL. Our own clock's times may stay `Timestamp` until then.)

use super::connection::MultiBackend;
use chrono::NaiveDateTime;
use diesel::{
    backend::Backend,
    deserialize::{self, FromSql},
    query_builder::QueryId,
    serialize::{self, Output, ToSql},
    sql_types::{HasSqlType, SqlType, Timestamp},
};

/// `DATETIME(6)` on MariaDB, text on SQLite.
#[derive(Debug, Clone, Copy, Default, QueryId, SqlType)]
#[diesel(mysql_type(name = "DateTime"))]
#[diesel(sqlite_type(name = "Text"))]
pub struct Datetime;

impl HasSqlType<Datetime> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> Self::TypeMetadata {
        Self::lookup_sql_type::<Datetime>(lookup)
    }
}

impl FromSql<Datetime, MultiBackend> for NaiveDateTime {
    fn from_sql(bytes: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        bytes.from_sql::<Self, Datetime>()
    }
}

impl ToSql<Datetime, MultiBackend> for NaiveDateTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((Datetime, self));
        Ok(serialize::IsNull::No)
    }
}

/// Each value is the same as that of `Timestamp`; only the type that is sent with it differs.
macro_rules! as_timestamp {
    ($backend:ty) => {
        impl FromSql<Datetime, $backend> for NaiveDateTime {
            fn from_sql(bytes: <$backend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
                <Self as FromSql<Timestamp, $backend>>::from_sql(bytes)
            }
        }

        impl ToSql<Datetime, $backend> for NaiveDateTime {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, $backend>) -> serialize::Result {
                <Self as ToSql<Timestamp, $backend>>::to_sql(self, out)
            }
        }
    };
}

#[cfg(feature = "mysql")]
as_timestamp!(diesel::mysql::Mysql);
#[cfg(feature = "sqlite")]
as_timestamp!(diesel::sqlite::Sqlite);
