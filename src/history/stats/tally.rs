//! The counters of some executions: they can be added up, so pieces of a range can be counted at different times.

use super::{
    super::{durations::Sketch, st2_rows::TablesState},
    COUNTED, Counts, Day, Range, Stats, Workflow,
};
use crate::{st2_tables::Outcome, store::read::CountedLink};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// Counters.
#[derive(Debug, Default)]
pub(in crate::history) struct Tally {
    all: Counts,
    workflows: BTreeMap<Option<String>, (Counts, Sketch)>,
    days: BTreeMap<NaiveDate, Counts>,
}

impl Tally {
    /// Adds the counters of another piece.
    pub(super) fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        for (workflow, (counts, durations)) in &other.workflows {
            let (all, sketch) = self.workflows.entry(workflow.clone()).or_default();
            all.merge(counts);
            sketch.merge(durations);
        }
        for (day, counts) in &other.days {
            self.days.entry(*day).or_default().merge(counts);
        }
    }

    /// True when it counts nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.all.total == 0
    }

    /// True when every execution has ended: nothing will change any more.
    pub(super) fn is_final(&self) -> bool {
        self.all.unfinished == 0 && self.all.unknown == 0
    }

    pub(super) fn add(&mut self, link: &CountedLink, row: Option<&Outcome>) {
        let workflow = row.and_then(|row| row.action.clone()).or_else(|| link.st2_action_ref.clone());
        let (counts, durations) = self.workflows.entry(workflow).or_default();
        let status = row.map(|row| row.status.as_deref().unwrap_or_default());
        counts.add(status);
        self.all.add(status);
        self.days.entry(link.created_at.date()).or_default().add(status);
        if let Some((start, end)) = row.and_then(|row| row.start_timestamp.zip(row.end_timestamp)) {
            durations.add(end - start);
        }
    }

    pub(super) fn stats(self, range: Range, execution_db: TablesState) -> Stats {
        let workflow = |(workflow, (counts, durations)): (Option<String>, (Counts, Sketch))| Workflow {
            workflow,
            counts: counts.rated(),
            average_seconds: durations.average(),
            p95_seconds: durations.percentile(95),
        };
        let mut workflows: Vec<Workflow> = self.workflows.into_iter().map(workflow).collect();
        workflows.sort_by_key(|workflow| std::cmp::Reverse(workflow.counts.total));
        let day = |(day, counts): (NaiveDate, Counts)| Day { day, counts: counts.rated() };
        Stats {
            from: range.from.naive_utc(),
            to: range.to.naive_utc(),
            counted: COUNTED,
            all: self.all.rated(),
            workflows,
            days: self.days.into_iter().rev().map(day).collect(),
            execution_db,
        }
    }
}
