//! Keeps the tables of what is registered in StackStorm: every few minutes, and soon after an action shows up that was not
//! listed.

use crate::{
    database::DatabaseError,
    model::truncate::column,
    retry::Reconnect,
    st2_tables::{
        St2Tables,
        catalog::{self, Catalog, Field, Listed},
    },
    stackstorm::{Client, LookupError, Registered},
};
use serde_json::Value;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// How often all lists are read again.
const EVERY: Duration = Duration::from_mins(5);
/// The shortest time between two reads.
const AT_MOST: Duration = Duration::from_secs(10);
/// Runners whose actions are workflows.
const WORKFLOWS: [&str; 5] = ["orquesta", "action-chain", "mistral-v2", "cloudslang", "workflow"];

/// The actions that were listed or asked about.
#[derive(Default)]
pub(super) struct Known {
    refs: Mutex<HashSet<String>>,
    unknown: Notify,
}

impl Known {
    /// An execution of this action was shown. One that is not listed brings a new reading, once.
    pub(super) fn saw(&self, action: &str) {
        let mut refs = self.refs.lock().unwrap_or_else(PoisonError::into_inner);
        if !refs.contains(action) {
            refs.insert(action.to_owned());
            self.unknown.notify_one();
        }
    }

    fn listed(&self, actions: &[Value]) {
        let refs = actions.iter().filter_map(|action| Some(action.get("ref")?.as_str()?.to_owned()));
        self.refs.lock().unwrap_or_else(PoisonError::into_inner).extend(refs);
    }
}

/// The keeper of the five tables.
pub(super) struct Keeper {
    pub(super) client: Arc<Client>,
    pub(super) tables: St2Tables,
    pub(super) known: Arc<Known>,
}

/// Why a reading failed.
#[derive(Debug, thiserror::Error)]
enum KeepError {
    #[error(transparent)]
    StackStorm(#[from] LookupError),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Keeper {
    /// Runs until it is dropped.
    pub(super) async fn run(self) {
        let mut pace = Reconnect::new();
        loop {
            // Nothing hangs on these tables: what cannot be had is read when StackStorm and the database are well.
            let failed = self.refresh().await;
            for error in &failed {
                log::warn!(
                    event = "catalog_unavailable";
                    "could not read StackStorm's catalog: {}",
                    crate::logging::chain(error)
                );
            }
            tokio::time::sleep(AT_MOST).await;
            if failed.is_empty() {
                pace.succeeded();
                // After the wait or the notice, read all lists again.
                _ = tokio::time::timeout(EVERY, self.known.unknown.notified()).await;
            } else {
                tokio::time::sleep(pace.failed("no answer")).await;
            }
        }
    }

    /// Reads all of it. One list that is refused, by its own right in StackStorm, does not keep the others away.
    async fn refresh(&self) -> Vec<KeepError> {
        let mut failed = Vec::new();
        failed.extend(self.read_actions().await.err());
        for (what, catalog) in [
            (Registered::Rules, Catalog::Rules),
            (Registered::Triggers, Catalog::Triggers),
            (Registered::Webhooks, Catalog::Webhooks),
        ] {
            failed.extend(self.read(what, catalog).await.err());
        }
        failed
    }

    async fn read_actions(&self) -> Result<(), KeepError> {
        let actions = self.client.registered(Registered::Actions).await?;
        self.known.listed(&actions);
        let workflow = |action: &&Value| text(action, "runner_type").is_some_and(|name| WORKFLOWS.contains(&&*name));
        let workflows: Vec<Value> = actions.iter().filter(workflow).cloned().collect();
        self.replace(Catalog::Actions, &actions).await?;
        Ok(self.replace(Catalog::Workflows, &workflows).await?)
    }

    async fn read(&self, what: Registered, catalog: Catalog) -> Result<(), KeepError> {
        Ok(self.replace(catalog, &self.client.registered(what).await?).await?)
    }

    async fn replace(&self, catalog: Catalog, listed: &[Value]) -> Result<(), DatabaseError> {
        let entries: Vec<Listed> = listed.iter().filter_map(|object| entry(catalog, object)).collect();
        if entries.len() < listed.len() {
            let (rows, without) = (listed.len(), listed.len() - entries.len());
            log::warn!(
                event = "catalog_entries_skipped", rows, without;
                "StackStorm listed objects whose id is missing or too long; leaving them out of SQL"
            );
        }
        let prefix = self.tables.prefix.clone();
        self.tables.store.run(move |conn| catalog::replace(conn, &prefix, catalog, &entries)).await
    }
}

/// The row of a listed object; `None` for one without an id that fits.
fn entry(catalog: Catalog, object: &Value) -> Option<Listed> {
    let id = object.get("id")?.as_str().filter(|id| id.len() <= 36)?.to_owned();
    let columns = catalog.columns().map(|column| field(object, column)).collect();
    Some(Listed { id, columns })
}

/// Characters that the columns of names and paths take.
const NAME: usize = 255;
const LONG: usize = 512;
const DESCRIPTION: usize = 16_000;

fn field(object: &Value, name: &str) -> Field {
    let short = |limit| text(object, name).map(|text| column(&text, limit).into_owned());
    match name {
        "enabled" => Field::Flag(object.get("enabled").and_then(Value::as_bool).unwrap_or(true)),
        // NOT NULL.
        "name" | "pack" => Field::Text(Some(short(NAME).unwrap_or_default())),
        "type" | "runner_type" => Field::Text(short(NAME)),
        "entry_point" | "metadata_file" => Field::Text(short(LONG)),
        "description" => Field::Text(short(DESCRIPTION)),
        "url" => {
            let url = object.get("parameters").and_then(|parameters| text(parameters, "url"));
            Field::Text(url.map(|url| column(&url, LONG).into_owned()))
        }
        // Parameters, tags, trigger, criteria, action: JSON.
        _ => Field::Text(object.get(name).filter(|value| !value.is_null()).map(ToString::to_string)),
    }
}

fn text(object: &Value, name: &str) -> Option<String> {
    object.get(name)?.as_str().map(str::to_owned)
}
