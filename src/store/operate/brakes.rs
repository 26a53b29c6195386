//! The brakes that stay on until a person releases their route: the body of the guard row.

use crate::{
    database::{DatabaseError, connection::AnyConnection, schema::poundcake_api_calls::dsl, transaction},
    model::ids::ApiCallId,
};
use diesel::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The guard row's id.
const GUARD_ROW: ApiCallId = ApiCallId(-1);

/// Which brakes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brakes {
    /// Of this route.
    Of(String),
    /// Of all routes.
    All,
}

/// A brake that is on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BrakeOn {
    /// RFC 3339.
    pub since: String,
}

/// The brakes that are on until a person releases their route, for those who only show them. A body that cannot be read has none.
pub fn on(conn: &mut AnyConnection) -> Result<BTreeMap<String, BrakeOn>, DatabaseError> {
    #[derive(Default, Deserialize)]
    struct Body {
        #[serde(default)]
        brakes: BTreeMap<String, BrakeOn>,
    }
    let body: Option<String> = dsl::poundcake_api_calls.find(GUARD_ROW).select(dsl::body).first(conn).optional()?;
    let body: Body = body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default();
    Ok(body.brakes)
}

/// Ends them; returns the routes.
pub fn end(conn: &mut AnyConnection, which: &Brakes) -> Result<Vec<String>, DatabaseError> {
    transaction::write(conn, |conn| {
        let mut body = locked(conn)?;
        let Some(brakes) = body.get_mut("brakes").and_then(Value::as_object_mut) else { return Ok(Vec::new()) };
        let is_meant = |route: &&String| match which {
            Brakes::Of(name) => name == *route,
            Brakes::All => true,
        };
        let ended: Vec<String> = brakes.keys().filter(is_meant).cloned().collect();
        for name in &ended {
            brakes.remove(name);
        }
        if !ended.is_empty() {
            diesel::update(dsl::poundcake_api_calls.find(GUARD_ROW))
                .set(dsl::body.eq(body.to_string()))
                .execute(conn)?;
        }
        Ok(ended)
    })
}

/// The body, after an UPDATE took the row's lock, as an admission does. A body that cannot be read has no brakes.
fn locked(conn: &mut AnyConnection) -> Result<Value, DatabaseError> {
    let row = dsl::poundcake_api_calls.find(GUARD_ROW);
    diesel::update(row).set(dsl::method.eq("GUARD")).execute(conn)?;
    let body: Option<String> = row.select(dsl::body).first(conn).optional()?;
    Ok(body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default())
}
