//! What the page shows of this process's settings: its routes file and the doctor's findings. Nothing is decided by it.

use crate::{dispatcher::Routes, model::matcher::Matchers, stackstorm::text::TemplateText};
use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration, time::Instant};
use tokio::sync::Mutex;

/// How long findings are shown again without another look: a page that many people reload asks the neighbours once.
const KEPT: Duration = Duration::from_secs(5);

/// One finding of the doctor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// `ok`, `note`, `unknown` or `wrong`.
    pub level: &'static str,
    /// Of what.
    pub area: &'static str,
    /// Which check.
    pub check: String,
    /// Its result.
    pub found: String,
    /// What to do.
    pub advice: Option<String>,
}

/// The checks of `poundcake doctor`.
pub type Doctor = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Vec<Checked>> + Send>> + Send + Sync>;

/// What the page may show besides the rows.
#[derive(Default)]
pub struct Shown {
    /// `POUNDCAKE_ROUTES` of this process, for display.
    pub routes: Option<PathBuf>,
    /// `POUNDCAKE_TEMPLATE_TEXT`.
    pub template_text: Option<TemplateText>,
    /// `POUNDCAKE_MUTE`.
    pub mute: Matchers,
    /// `None`: this process has no checks.
    pub doctor: Option<Doctor>,
    /// The last look.
    pub found: Mutex<Option<(Instant, Vec<Checked>)>>,
}

impl Shown {
    /// The routes file as it is now; `None` where this process has none, an error where it is invalid.
    pub(super) async fn routes(&self) -> Option<anyhow::Result<Routes>> {
        let path = self.routes.clone()?;
        let opened = tokio::task::spawn_blocking(move || Routes::open(Some(&path))).await;
        Some(opened.unwrap_or_else(|error| Err(error.into())))
    }

    /// The findings now; of people who ask at once one looks.
    pub(super) async fn look(&self) -> Option<Vec<Checked>> {
        let doctor = self.doctor.as_ref()?;
        let mut found = self.found.lock().await;
        if let Some((_, kept)) = found.as_ref().filter(|(at, _)| at.elapsed() < KEPT) {
            return Some(kept.clone());
        }
        let all = doctor().await;
        *found = Some((Instant::now(), all.clone()));
        Some(all)
    }
}
