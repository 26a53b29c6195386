//! `poundcake history`: everything about a request, a fingerprint, an alert or an execution.

use super::{
    print,
    selection::{EXIT_CODES, Output, exit_code, open},
    story,
    watch::{self, View},
};
use crate::{
    app,
    config::Settings,
    database::page::Window,
    history::{AlertStory, History, Listing, TablesState, cursor::List},
    model::ids::{AlertId, Fingerprint, RequestId},
    operator::Filter,
    stackstorm::ExecutionId,
};
use std::{process::ExitCode, str::FromStr};

/// `poundcake history`
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Show {
    /// A request id, a fingerprint, the id of an alert, or the id of a StackStorm execution
    #[arg(value_name = "ID")]
    key: Key,
    /// Maximum number of alerts of a fingerprint
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// Show it again after each change, until it is final
    #[arg(long)]
    watch: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(flatten)]
    settings: Box<Settings>,
}

/// What an id is the id of; told by its form.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Request(RequestId),
    Fingerprint(Fingerprint),
    Alert(AlertId),
    Execution(ExecutionId),
}

impl FromStr for Key {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORMS: &str = "this is not an id: a request id has 36 characters (01890a5d-ac96-774b-bcce-b302099a8057), or is as the older \
                             installation wrote it (request:ID where that looks like another kind of id); a fingerprint has 16 hex digits, an alert's id is a number, an execution's id has 24 hex digits";
        let request = |text| RequestId::parse(text).map(Self::Request).map_err(|_not_an_id| FORMS);
        if let Some(id) = text.strip_prefix("request:") {
            return request(id);
        }
        if text.len() == RequestId::LONGEST {
            return request(text);
        }
        if let Some(fingerprint) = Fingerprint::parse(&text.to_ascii_lowercase()) {
            return Ok(Self::Fingerprint(fingerprint));
        }
        if let Ok(id) = text.parse() {
            return if id > AlertId(0) { Ok(Self::Alert(id)) } else { Err(FORMS) };
        }
        let is_id = text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if is_id {
            return ExecutionId::parse(text).map(Self::Execution).map_err(|_invalid| FORMS);
        }
        // A bare word is more likely the name of an alert.
        if text.bytes().any(|b| b.is_ascii_digit()) { request(text) } else { Err(FORMS) }
    }
}

impl Show {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let settings = *self.settings;
        let store = open(settings.clone()).await?;
        let history = app::history(&settings, &store)?;
        let (key, limit, output) = (&self.key, self.limit, self.output);
        let rows = watch::show(self.watch, async || look(&history, key, limit, output).await).await?;
        if rows == 0 {
            print::note(format_args!("nothing found"));
        }
        Ok(exit_code(rows))
    }
}

async fn look(history: &History, key: &Key, limit: u16, output: Output) -> anyhow::Result<View> {
    match key {
        Key::Request(id) => match history.request(*id).await? {
            Some(found) => {
                let is_final = all_final(&found.alerts, &found.execution_db);
                view(output, &found, story::request, is_final)
            }
            None => Ok(nothing()),
        },
        Key::Alert(id) => match history.alert(*id).await? {
            Some(found) => {
                let is_final = all_final(std::slice::from_ref(&found.story), &found.execution_db);
                let text = |alone: &crate::history::AlertAlone| {
                    story::alerts(std::slice::from_ref(&alone.story), &alone.execution_db)
                };
                view(output, &found, text, is_final)
            }
            None => Ok(nothing()),
        },
        Key::Fingerprint(fingerprint) => of_fingerprint(history, fingerprint, limit, output).await,
        Key::Execution(id) => match history.execution(id.as_str()).await? {
            Some(found) => {
                let is_final = all_final(&found.alerts, &found.execution_db);
                view(output, &found, story::execution, is_final)
            }
            None => Ok(nothing()),
        },
    }
}

/// The newest alerts of a fingerprint, each whole. It may fire again at any time, so this is never final.
async fn of_fingerprint(
    history: &History,
    fingerprint: &Fingerprint,
    limit: u16,
    output: Output,
) -> anyhow::Result<View> {
    let filter = Filter { fingerprint: Some(fingerprint.to_string()), ..Filter::default() };
    let page = history.alerts(filter, Window { limit, after: None }).await?;
    let (mut rows, state) = history.stories(page.rows.iter().map(|entry| entry.alert.id).collect()).await?;
    rows.sort_by_key(|story| std::cmp::Reverse((story.alert.summary.created_at, story.alert.summary.id)));
    let listing = Listing { list: List::Alerts, next: page.next, execution_db: Some(state.clone()), rows };
    let text = |listing: &Listing<AlertStory>| {
        let more = if listing.next.is_some() { "older ones are left out: --limit\n" } else { "" };
        story::alerts(&listing.rows, &state) + more
    };
    let rows = listing.rows.len();
    Ok(View { rows, ..view(output, &listing, text, false)? })
}

fn view<T: serde::Serialize>(
    output: Output,
    found: &T,
    text: impl Fn(&T) -> String,
    is_final: bool,
) -> anyhow::Result<View> {
    let text = match output {
        Output::Json => serde_json::to_string(found)? + "\n",
        Output::Table => text(found),
    };
    Ok(View { text, rows: 1, is_final })
}

fn nothing() -> View {
    View { text: String::new(), rows: 0, is_final: true }
}

/// Nothing will change by itself: every dispatch is final, every execution has ended.
fn all_final(alerts: &[AlertStory], state: &TablesState) -> bool {
    let ended = |alert: &AlertStory| {
        let links = alert.links.iter();
        // Without StackStorm's tables the end would never be seen.
        alert.alert.summary.dispatch_status.is_final()
            && (!state.available
                || links
                    .map(|link| &link.execution)
                    .all(|execution| execution.as_ref().is_some_and(crate::history::ExecutionShown::is_terminal)))
    };
    alerts.iter().all(ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_an_id_is_known_by_its_form() {
        assert!(matches!("01890a5d-ac96-774b-bcce-b302099a8057".parse(), Ok(Key::Request(_))));
        assert!(
            matches!("A040726554FC8521".parse(), Ok(Key::Fingerprint(found)) if found.as_str() == "a040726554fc8521")
        );
        assert!(matches!("1234567890123456".parse(), Ok(Key::Fingerprint(_))));
        assert!(matches!("12".parse(), Ok(Key::Alert(AlertId(12)))));
        assert!(matches!("6b0264acac6a4b12e50e28d7".parse(), Ok(Key::Execution(_))));
        assert!(matches!("req-7".parse(), Ok(Key::Request(id)) if id.as_str() == "req-7"));
        assert!(matches!("request:12".parse(), Ok(Key::Request(id)) if id.as_str() == "12"));
        for text in ["", "0", "a b", "HostDown", "request:", "{{ 1 }}", "01890a5d/ac96-774b-bcce-b302099a8057"] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }
}
