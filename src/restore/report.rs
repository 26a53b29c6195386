//! What `restored` found and did, for people and programs.

use super::{Order, dispatches::Dispatch};
use crate::{
    clock::rfc3339,
    model::{ids::AlertId, pause::Pause},
    store::{
        operate::filter::PROVES_FOR,
        restore::{Stand, read_back::Outcome},
    },
};
use chrono::NaiveDateTime;
use serde::{Serialize, Serializer};

/// An execution or a webhook that is told about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The dispatch.
    pub trace_tag: String,
    /// StackStorm's ids.
    pub executions: Vec<String>,
}

/// What was found and done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What happened after this time is not in the backup.
    #[serde(serialize_with = "time")]
    pub backup_taken: NaiveDateTime,
    /// Nothing was changed.
    pub dry_run: bool,
    /// The pause in force; none of a dry run.
    pub pause: Option<Pause>,
    /// Rows that are not final: uncertain now, and looked up before they are sent.
    pub waiting: usize,
    /// Our executions that StackStorm has since the backup.
    pub executions: usize,
    /// Alerts whose rows knew them.
    pub known: usize,
    /// Rows that were there and are linked now.
    pub linked: Vec<AlertId>,
    /// Rows that were lost and are made again.
    pub made: Vec<AlertId>,
    /// The newest alert of the backup.
    pub newest_alert: Option<AlertId>,
    /// The newest alert that StackStorm has heard of.
    pub newest_alert_seen: Option<AlertId>,
    /// Read back, and StackStorm has not begun them.
    pub not_begun: Vec<Listed>,
    /// Not read back: no runner had them.
    pub never_ran: Vec<Listed>,
    /// Not read back: StackStorm does not show which alert it was.
    pub unreadable: Vec<Listed>,
    /// Trigger instances of webhooks that StackStorm's rules engine has not worked off.
    pub webhooks_waiting: Vec<String>,
    /// The backup is so old that StackStorm may have deleted what it ran since.
    pub may_be_deleted: bool,
}

fn time<S: Serializer>(time: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time))
}

impl Report {
    pub(super) fn new(order: &Order, backup: NaiveDateTime, stand: &Stand) -> Self {
        Self {
            backup_taken: backup,
            dry_run: order.dry_run,
            pause: None,
            waiting: 0,
            executions: 0,
            known: 0,
            linked: Vec::new(),
            made: Vec::new(),
            newest_alert: stand.newest_alert,
            newest_alert_seen: None,
            not_begun: Vec::new(),
            never_ran: Vec::new(),
            unreadable: Vec::new(),
            webhooks_waiting: Vec::new(),
            may_be_deleted: stand.now - backup > PROVES_FOR,
        }
    }

    /// How many alerts were stored after the backup, as far as StackStorm has heard of any, that no row shows.
    pub fn lost(&self) -> Option<i64> {
        let newest = self.newest_alert.map_or(0, |id| id.0);
        let seen = self.newest_alert_seen?.0;
        let made = self.made.iter().filter(|id| id.0 > newest).count();
        let lost = seen - newest - i64::try_from(made).ok()?;
        (lost > 0).then_some(lost)
    }

    pub(super) fn take(&mut self, dispatch: &Dispatch, outcome: Outcome) {
        let listed = |executions: &[String]| {
            let (trace_tag, executions) = (dispatch.dispatched.tag.to_string(), executions.to_vec());
            (!executions.is_empty()).then_some(Listed { trace_tag, executions })
        };
        self.newest_alert_seen = self.newest_alert_seen.max(Some(dispatch.dispatched.tag.alert_id));
        match outcome {
            Outcome::Known(_) => self.known += 1,
            Outcome::Linked(id) => self.linked.push(id),
            Outcome::Made(id) => self.made.push(id),
            Outcome::Lost => {
                let ran: Vec<String> = dispatch.dispatched.links.iter().map(|link| link.execution_id.clone()).collect();
                self.unreadable.extend(listed(&ran));
            }
        }
        self.not_begun.extend(listed(&dispatch.not_begun));
        self.never_ran.extend(listed(&dispatch.never_ran));
    }
}
