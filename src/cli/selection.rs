//! The flags that choose rows, the same in every command; output formats and exit status.

use super::{
    moment::{self, Moment},
    started,
};
use crate::{
    app::waiting,
    config::Settings,
    database::Database,
    model::{
        ids::{AlertId, RequestId},
        status::DispatchStatus,
    },
    operator::Filter,
};
use anyhow::bail;
use std::process::ExitCode;

/// The status when nothing was there to do: not an error (1), not a wrong command line (2).
pub(super) const NOTHING_MATCHED: u8 = 3;

/// For the end of `--help`.
pub(super) const EXIT_CODES: &str =
    "Exit status: 0 found and shown, or done (with --dry-run: counted); 1 error; 2 wrong command line; 3 nothing found";

/// How a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// For people
    Table,
    /// For programs
    Json,
}

/// Which rows; all that is given must hold.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Which alerts")]
pub(super) struct Selection {
    /// Alert ids
    #[arg(long = "id", value_name = "ID", value_delimiter = ',')]
    ids: Vec<AlertId>,
    /// All alerts of one webhook
    #[arg(long, value_parser = RequestId::parse)]
    request_id: Option<RequestId>,
    /// Dispatch status: pending, queued, held, failed, skipped or dispatched
    #[arg(long)]
    dispatch_status: Option<DispatchStatus>,
    /// Reason, such as rejected, expired, uncertain, `no_route`
    #[arg(long)]
    dispatch_reason: Option<crate::model::status::DispatchReason>,
    /// Exact value of the label alertname
    #[arg(long)]
    alert_name: Option<String>,
    /// Fingerprint: 16 hex digits
    #[arg(long)]
    fingerprint: Option<String>,
    /// Exact value of the label severity
    #[arg(long)]
    severity: Option<String>,
    /// Exact value of the label instance
    #[arg(long)]
    instance: Option<String>,
    /// Status from Alertmanager: firing or resolved
    #[arg(long)]
    status: Option<crate::model::status::AlertStatus>,
    /// Target: action:pack.name or webhook:name
    #[arg(long)]
    target: Option<String>,
    /// Name of the route
    #[arg(long)]
    route: Option<String>,
    /// Stored at or after this time: 2026-11-22T01:00:00Z, or how long ago, such as 1h
    #[arg(long, alias = "since", value_name = "TIME", value_parser = moment::parse)]
    from: Option<Moment>,
    /// Stored before this time; same format
    #[arg(long, alias = "until", value_name = "TIME", value_parser = moment::parse)]
    to: Option<Moment>,
}

impl Selection {
    /// The rows that are meant now: `--from 1h` moves on.
    pub(super) async fn filter(&self, store: &Database) -> anyhow::Result<Filter> {
        let (from, to) = (moment::resolve(self.from, store).await?, moment::resolve(self.to, store).await?);
        Ok(Filter { from, to, ..self.without_times() })
    }

    /// The same, of failed alerts only.
    pub(super) fn failed(self) -> anyhow::Result<Self> {
        match self.dispatch_status {
            None | Some(DispatchStatus::Failed) => Ok(Self { dispatch_status: Some(DispatchStatus::Failed), ..self }),
            Some(other) => bail!("`failed` lists failed alerts; write: poundcake alerts --dispatch-status {other}"),
        }
    }

    /// Nothing is chosen.
    pub(super) fn is_empty(&self) -> bool {
        self.from.is_none() && self.to.is_none() && self.without_times().is_empty()
    }

    fn without_times(&self) -> Filter {
        let flags = self.clone();
        Filter {
            ids: (!flags.ids.is_empty()).then_some(flags.ids),
            request_id: flags.request_id,
            dispatch_status: flags.dispatch_status,
            reason: flags.dispatch_reason,
            alert_name: flags.alert_name,
            fingerprint: flags.fingerprint,
            severity: flags.severity,
            instance: flags.instance,
            status: flags.status,
            target: flags.target,
            route: flags.route,
            from: None,
            to: None,
        }
    }
}

/// The database, as the settings name it.
pub(super) async fn open(settings: Settings) -> anyhow::Result<Database> {
    let settings = started(settings);
    let url = settings.database.url()?;
    let store = Database::watched(url, settings.database.db_pool, settings.database.db_timeout);
    waiting::reach_database(&store, waiting::WATCHED).await?;
    store.require_schema().await?;
    Ok(store)
}

/// Done, unless there was nothing to do.
pub(super) fn exit_code(matched: usize) -> ExitCode {
    if matched == 0 { ExitCode::from(NOTHING_MATCHED) } else { ExitCode::SUCCESS }
}
