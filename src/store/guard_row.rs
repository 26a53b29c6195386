//! The guard row: the lock of all admissions, and the brakes that are on.

use crate::{
    clock::rfc3339,
    database::{DatabaseError, connection::AnyConnection, schema::poundcake_api_calls::dsl, transaction},
};
use chrono::NaiveDateTime;
use diesel::{dsl::case_when, prelude::*};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Its id; the migration makes it.
const ID: i64 = -1;

/// The brakes that are on, by route: the body of the guard row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brakes {
    #[serde(default)]
    brakes: BTreeMap<String, BrakeOn>,
}

/// A brake that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct BrakeOn {
    since: String,
}

impl Brakes {
    /// Whether the brake of a route is on.
    pub fn is_on(&self, route: &str) -> bool {
        self.brakes.contains_key(route)
    }

    /// The routes whose brake is on.
    pub fn names(&self) -> Vec<String> {
        self.brakes.keys().cloned().collect()
    }

    /// The routes whose brake is on, and since when (RFC 3339).
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.brakes.iter().map(|(route, on)| (route.as_str(), on.since.as_str()))
    }

    /// No brake is on.
    pub fn is_empty(&self) -> bool {
        self.brakes.is_empty()
    }

    /// Keeps the brakes of these routes.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.brakes.retain(|route, _| keep(route));
    }

    /// The brake of a route is on since now, or as long as it was; or it is off.
    pub(super) fn set(&mut self, route: &str, on: bool, now: NaiveDateTime) {
        if on {
            self.brakes.entry(route.to_owned()).or_insert_with(|| BrakeOn { since: rfc3339(now) });
        } else {
            self.brakes.remove(route);
        }
    }

    /// Without a lock, for those who only show it. A body that cannot be read shows none.
    pub fn read(conn: &mut AnyConnection) -> Result<Self, DatabaseError> {
        let body: Option<String> = dsl::poundcake_api_calls.find(ID).select(dsl::body).first(conn).optional()?;
        Ok(body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or_default())
    }
}

/// The brakes that a person ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Of this route.
    Of(String),
    /// Of all routes.
    All,
}

/// Ends brakes; returns their routes.
pub fn end(conn: &mut AnyConnection, which: &Which) -> Result<Vec<String>, DatabaseError> {
    transaction::write(conn, |conn| {
        let mut brakes = lock(conn)?;
        let mut ended = brakes.names();
        ended.retain(|route| match which {
            Which::Of(name) => name == route,
            Which::All => true,
        });
        brakes.retain(|route| !ended.iter().any(|name| name == route));
        if !ended.is_empty() {
            write(conn, &brakes)?;
        }
        Ok(ended)
    })
}

/// Takes the lock, which lasts until the transaction ends. The row changes each time, so that it is part of what Galera's nodes
/// compare: of two admissions on two nodes the second one to commit begins again.
pub(super) fn lock(conn: &mut AnyConnection) -> Result<Brakes, DatabaseError> {
    const TURNS: i32 = 1_000_000;
    let next = case_when(dsl::status_code.lt(TURNS), dsl::status_code + 1).otherwise(0);
    let turned = diesel::update(dsl::poundcake_api_calls.find(ID)).set(dsl::status_code.eq(next)).execute(conn)?;
    if turned != 1 {
        return Err(DatabaseError::Unreadable(
            "poundcake_api_calls has no guard row (id -1), so nothing that a guard holds can be started; \
             run: poundcake migrate up, or insert it as the migration guard_row does"
                .to_owned(),
        ));
    }
    Brakes::read(conn)
}

pub(super) fn write(conn: &mut AnyConnection, brakes: &Brakes) -> Result<(), DatabaseError> {
    let body = serde_json::to_string(brakes).unwrap_or_else(|_| "{}".to_owned());
    diesel::update(dsl::poundcake_api_calls.find(ID)).set(dsl::body.eq(body)).execute(conn)?;
    Ok(())
}
