//! The state of a Galera node, for `doctor`.

use super::{DatabaseError, connection::AnyConnection};

/// What a node says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// `wsrep_cluster_status`: only a node of the `Primary` component takes writes.
    pub cluster_status: String,
    /// `wsrep_local_state_comment`: `Synced`, `Donor/Desynced`, `Joining`, …
    pub state: String,
    /// `wsrep_cluster_size`: nodes that it sees, itself included.
    pub size: String,
}

/// Reads the state of the Galera node; `None` if the server is not part of a Galera cluster.
pub fn node(conn: &mut AnyConnection) -> Result<Option<Node>, DatabaseError> {
    match conn {
        #[cfg(feature = "mysql")]
        AnyConnection::Mysql(conn) => mariadb::node(conn),
        #[cfg(feature = "sqlite")]
        AnyConnection::Sqlite(_) => Ok(None),
    }
}

#[cfg(feature = "mysql")]
mod mariadb {
    use super::{DatabaseError, Node};
    use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::Text};

    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = Text)]
        value: String,
    }

    pub(super) fn node(conn: &mut diesel::MysqlConnection) -> Result<Option<Node>, DatabaseError> {
        let lines: Vec<Line> = sql_query(
            "SELECT LOWER(VARIABLE_NAME) AS name, VARIABLE_VALUE AS value FROM information_schema.GLOBAL_VARIABLES \
             WHERE VARIABLE_NAME = 'WSREP_ON' UNION ALL \
             SELECT LOWER(VARIABLE_NAME), VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS \
             WHERE VARIABLE_NAME IN ('WSREP_CLUSTER_STATUS', 'WSREP_LOCAL_STATE_COMMENT', 'WSREP_CLUSTER_SIZE')",
        )
        .load(conn)?;
        let value = |name: &str| {
            let line = lines.iter().find(|line| line.name == name);
            line.map(|line| line.value.clone()).unwrap_or_default()
        };
        if value("wsrep_on") != "ON" {
            return Ok(None);
        }
        Ok(Some(Node {
            cluster_status: value("wsrep_cluster_status"),
            state: value("wsrep_local_state_comment"),
            size: value("wsrep_cluster_size"),
        }))
    }
}
