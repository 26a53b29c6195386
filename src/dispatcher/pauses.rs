//! The pauses in force, as this process last read them: known from memory at each claim and before each POST.

use crate::{
    database::Database,
    model::{
        ids::ApiCallId,
        pause::{Pause, Scope},
    },
    store::operate::pauses,
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// How often they are read.
const EVERY: Duration = Duration::from_secs(1);
/// Nothing is posted by a reading that is older than this.
const FRESH: Duration = Duration::from_secs(2);

/// The last good reading.
#[derive(Default)]
pub struct Pauses(Mutex<Reading>);

#[derive(Default)]
struct Reading {
    at: Option<Instant>,
    all: Arc<[Pause]>,
}

impl Pauses {
    /// As they were last read; none before the first reading, when nothing is posted either.
    pub(super) fn all(&self) -> Arc<[Pause]> {
        Arc::clone(&self.lock().all)
    }

    /// `None` where the last good reading is too old to post by.
    pub(super) fn fresh(&self) -> Option<Arc<[Pause]>> {
        let reading = self.lock();
        reading.at.filter(|at| at.elapsed() <= FRESH).map(|_| Arc::clone(&reading.all))
    }

    /// Reads them; true when others are in force than before.
    async fn read(&self, database: &Database) -> Result<bool, crate::database::DatabaseError> {
        let begun = Instant::now();
        let all: Arc<[Pause]> = database.run(pauses::in_force).await?.into();
        let ids = |pauses: &[Pause]| pauses.iter().map(|pause| pause.id).collect::<Vec<ApiCallId>>();
        let mut reading = self.lock();
        let changed = reading.at.is_none() || ids(&reading.all) != ids(&all);
        *reading = Reading { at: Some(begun), all };
        Ok(changed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Reading> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads them until cancelled. `changed` is called when others are in force than before, the first time too.
    pub(super) async fn watch(&self, database: &Database, stop: &CancellationToken, changed: impl Fn()) {
        loop {
            match self.read(database).await {
                Ok(true) => {
                    self.report();
                    changed();
                }
                Ok(false) => {}
                Err(error) => {
                    let text = crate::logging::chain(&error);
                    log::log!(error.level(), event = "pauses_unread"; "pauses cannot be read, so nothing is posted: {text}");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    fn report(&self) {
        for pause in self.all().iter() {
            if let Scope::Unreadable(why) = &pause.scope {
                log::error!(event = "pause_unreadable", id:% = pause.id, why;
                    "a pause cannot be read, so it covers everything; resume it: poundcake resume {}", pause.id);
            }
        }
    }
}
