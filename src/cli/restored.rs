//! `poundcake restored --backup-taken TIME`: after the database was restored from a backup, before anything is started.

use super::{
    moment::{self, Moment},
    operator_name, pause, print,
    selection::{Output, open},
};
use crate::{
    app,
    config::Settings,
    restore::{self, Listed, Neighbours, Order, Report},
    stackstorm::Client,
    store::operate::author::Author,
};
use std::process::ExitCode;

/// For the end of `restored --help`.
const STEPS: &str = "Stop every process of PoundCake first; docs/backup.md has all steps. The command can be repeated: it passes over what is \
                     done. Everything stays paused until `poundcake resume`.\n\n\
                     Exit status: 0 done (with --dry-run: counted); 1 error, or a process is connected; 2 wrong command line";
/// Lines of one list that people are shown; programs get all.
const SHOWN: usize = 20;

/// `poundcake restored`
#[derive(Debug, clap::Args)]
#[command(after_help = STEPS)]
pub(super) struct Restored {
    /// When the backup began: 2026-11-22T01:00:00Z, or how long ago, such as 1h. A time that is too early does no harm
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    backup_taken: Moment,
    /// Reason; shown with the pause
    #[arg(long, default_value = "the database was restored from a backup")]
    reason: String,
    /// Only look; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    settings: Box<Settings>,
}

impl Restored {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let mut settings = *self.settings;
        // Its other connections would look like those of another process.
        settings.database.db_pool = 1;
        let client = Client::new(settings.stackstorm.client_config()?)?;
        let has_broker = settings.broker.amqp_url.is_some() || settings.broker.amqp_url_file.is_some();
        let broker = has_broker.then(|| settings.broker.url()).transpose()?;
        let store = open(settings.clone()).await?;
        let tables = app::st2_tables(&settings, &store, Some(settings.database.db_timeout))?;
        let tables = Some(tables).filter(|tables| !tables.store.is_same(&store));
        let backup_taken = self.backup_taken.resolve(&store).await?;
        let author = Author { by: operator_name::user_and_host(), reason: self.reason };
        let order = Order { backup_taken, author, dry_run: self.dry_run };
        let to = Neighbours { store, client, tables, broker };
        let report = restore::run(&to, &order, &|text| print::note(format_args!("{text}"))).await?;
        match self.output {
            Output::Json => print::json(&report)?,
            Output::Table => show(&report)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(report: &Report) -> anyhow::Result<()> {
    let line = |text: String| print::line(text);
    let would = if report.dry_run { "would be " } else { "" };
    line(format!("backup taken      {}", crate::clock::rfc3339(report.backup_taken)))?;
    line(format!("not final         {} alerts, {would}looked up in StackStorm before they are sent", report.waiting))?;
    line(format!("in StackStorm     {} executions of ours since then", report.executions))?;
    line(format!("known already     {} alerts", report.known))?;
    line(format!(
        "linked            {} alerts whose rows did not know that they ran{}",
        report.linked.len(),
        ids(&report.linked)
    ))?;
    line(format!("made again        {} alerts whose rows were lost{}", report.made.len(), ids(&report.made)))?;
    if let Some(lost) = report.lost() {
        line(format!(
            "lost              at least {lost} rows of alerts that StackStorm did not run, or that repeat or resolve others"
        ))?;
    }
    list("not begun by StackStorm (read back as dispatched; look whether they start)", &report.not_begun)?;
    list("not read back: ended before a runner had them", &report.never_ran)?;
    list("not read back: StackStorm does not show which alert it was", &report.unreadable)?;
    if !report.webhooks_waiting.is_empty() {
        let (count, shown) = (report.webhooks_waiting.len(), report.webhooks_waiting.join(", "));
        line(format!(
            "StackStorm's rules engine has not worked off {count} webhooks: wait until it has, then run this command again: {shown}"
        ))?;
    }
    if report.may_be_deleted {
        line(
            "The backup is older than 20 h: StackStorm may have deleted what it ran since, and what it does not show proves nothing. Alerts \
             that may have run end as failed/uncertain."
                .to_owned(),
        )?;
    }
    if let Some(in_force) = &report.pause {
        line(format!("{}; to end it: poundcake resume {}", pause::line(in_force), in_force.id))?;
    } else {
        line("nothing was changed (--dry-run)".to_owned())?;
    }
    Ok(())
}

fn ids(ids: &[crate::model::ids::AlertId]) -> String {
    let shown: Vec<String> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if ids.len() > SHOWN { ", …" } else { "" };
    if shown.is_empty() { String::new() } else { format!(": {}{more}", shown.join(", ")) }
}

fn list(what: &str, listed: &[Listed]) -> anyhow::Result<()> {
    if listed.is_empty() {
        return Ok(());
    }
    print::line(format_args!("{what}: {}", listed.len()))?;
    for Listed { trace_tag, executions } in listed.iter().take(SHOWN) {
        print::line(format_args!("  {trace_tag}  {}", executions.join(" ")))?;
    }
    Ok(())
}
