//! Checks what our writes rely on, in a transaction that is rolled back.
//!
//! Affected rows decide who won a race, so an UPDATE that changes nothing must count the rows that it found. The ids of a batch
//! INSERT are computed from the first one. And a rollback must undo: a table of another engine than InnoDB keeps its rows.
//! Nothing of this is visible in a variable, and a proxy between us and MariaDB can change each.

use super::ingest::api_calls::{self, NewApiCall};
use crate::{
    database::{DatabaseError, connection::AnyConnection, schema::poundcake_api_calls::dsl, transaction},
    model::ids::ApiCallId,
};
use diesel::prelude::*;
use uuid::Uuid;

/// Rows of the batch: enough for a step between ids to show.
const ROWS: usize = 3;

/// Fails with [`DatabaseError::Unfit`] if the database does something else; any other error says that it could not be tried.
pub fn check(conn: &mut AnyConnection) -> Result<(), DatabaseError> {
    if conn.is_single_writer() {
        return Ok(());
    }
    let names: Vec<String> = (0..ROWS).map(|_| Uuid::now_v7().to_string()).collect();
    transaction::rolled_back(conn, |conn| writes(conn, &names))?;
    let left: i64 = dsl::poundcake_api_calls.filter(dsl::request_id.eq_any(&names)).count().get_result(conn)?;
    if left > 0 {
        diesel::delete(dsl::poundcake_api_calls.filter(dsl::request_id.eq_any(&names))).execute(conn)?;
        return Err(unfit(
            "a ROLLBACK left rows in poundcake_api_calls",
            "convert PoundCake's tables: ALTER TABLE … ENGINE = InnoDB",
        ));
    }
    Ok(())
}

fn writes(conn: &mut AnyConnection, names: &[String]) -> Result<(), DatabaseError> {
    let now = transaction::now(conn)?;
    let calls: Vec<NewApiCall> = names.iter().map(|name| call(name)).collect();
    let computed = api_calls::insert(conn, calls.iter(), now)?;
    let ours = || dsl::poundcake_api_calls.filter(dsl::request_id.eq_any(names));
    let stored: Vec<(String, ApiCallId)> = ours().select((dsl::request_id, dsl::id)).load(conn)?;
    for (name, id) in names.iter().zip(&computed) {
        if !stored.iter().any(|(stored, of)| stored == name && of == id) {
            let found = format!(
                "the ids of a batch INSERT are {stored:?}, and {computed:?} were computed from LAST_INSERT_ID()"
            );
            return Err(unfit(
                &found,
                "connect to MariaDB directly, or let the proxy keep a transaction on one server",
            ));
        }
    }
    // SET to the value that it has: nothing changes, and every row is found.
    let affected = diesel::update(ours()).set(dsl::method.eq(CHECK)).execute(conn)?;
    if affected != names.len() {
        let found = format!("an UPDATE of {} rows that have the value already affected {affected}", names.len());
        return Err(unfit(&found, "connect to MariaDB directly, or let the proxy pass CLIENT_FOUND_ROWS on"));
    }
    Ok(())
}

const CHECK: &str = "CHECK";

fn call(name: &str) -> NewApiCall {
    NewApiCall {
        request_id: name.to_owned(),
        method: CHECK,
        path: "/".to_owned(),
        headers: "{}".to_owned(),
        body: String::new(),
        status_code: 0,
        client_request_id: None,
        client_address: None,
    }
}

fn unfit(found: &str, advice: &str) -> DatabaseError {
    DatabaseError::Unfit(format!("the database does not write as PoundCake relies on: {found}; {advice}"))
}
