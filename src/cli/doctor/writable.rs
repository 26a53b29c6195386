//! Checks whether the database accepts writes, with the statements of ingest and dispatcher.

use super::finding::Finding;
use crate::{
    database::Database,
    logging,
    store::operate::probe::{self, Refusal},
};

pub(super) async fn check(area: &'static str, store: &Database) -> Finding {
    match store.run(probe::all).await {
        Ok(()) => Finding::ok(area, "writable", "yes: tried with PoundCake's own statements, and rolled back"),
        Err(error) => {
            let refusal = Refusal::of(&error);
            let found = format!("{refusal}: {}", logging::chain(&error));
            Finding::wrong(area, "writable", found).advice(refusal.advice())
        }
    }
}
