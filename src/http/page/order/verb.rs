//! The orders over alerts, and how the page calls them.

use crate::store::operate::filter::Move;
use std::str::FromStr;

/// An order over alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::page) enum Verb {
    Replay,
    Release,
    Approve,
    Reject,
    Discard,
}

impl Verb {
    /// All, in the order of the buttons.
    pub(in crate::http::page) const ALL: [Self; 5] =
        [Self::Replay, Self::Release, Self::Approve, Self::Reject, Self::Discard];

    /// On buttons and headings, and with a small letter in addresses and on the command line.
    pub(in crate::http::page) const fn name(self) -> &'static str {
        match self {
            Self::Replay => "Replay",
            Self::Release => "Release",
            Self::Approve => "Approve",
            Self::Reject => "Reject",
            Self::Discard => "Discard",
        }
    }

    /// In addresses and on the command line.
    pub(in crate::http::page) fn word(self) -> String {
        self.name().to_ascii_lowercase()
    }

    /// Whether it ends alerts without a run.
    pub(in crate::http::page) const fn ends(self) -> bool {
        matches!(self, Self::Discard | Self::Reject)
    }

    /// What happens to the alerts.
    pub(super) const fn follows(self) -> &'static str {
        match self {
            Self::Replay => {
                "They become pending in a new generation and pass every guard again but the cooldown. An alert that resolves before its \
                 start is not run. An uncertain one is looked up in StackStorm first, and not run again if it ran."
            }
            Self::Release => {
                "Brake and cooldown no longer hold them. The limits of their routes, pauses and approvals still do."
            }
            Self::Approve => {
                "They may start with exactly the target and the parameters that the page of each alert shows. What differs at the start is \
                 asked again. Limits and pauses still hold them."
            }
            Self::Reject => {
                "They are skipped as not_approved and not run. A repeat of the same firing does not ask again."
            }
            Self::Discard => "They are skipped as discarded and not run, unless a person replays them.",
        }
    }

    /// Why there may be nothing to do: which alerts it can move.
    pub(super) const fn moves(self) -> &'static str {
        match self {
            Self::Replay => {
                "failed and skipped alerts, and dispatched ones if asked; repeats and resolved alerts only one by one"
            }
            Self::Release => "alerts that are held by brake, cooldown, in_flight or rate, and were not released before",
            Self::Approve | Self::Reject => "alerts that are held for an approval whose time is not over",
            Self::Discard => "pending, queued, held and failed alerts that are not uncertain",
        }
    }

    /// What is ordered.
    pub(super) const fn as_move(self, include_dispatched: bool, accept_unknown: bool) -> Move {
        match self {
            Self::Replay => Move::Replay { include_dispatched, accept_unknown },
            Self::Release => Move::Release,
            Self::Approve => Move::Approve,
            Self::Reject => Move::Reject,
            Self::Discard => Move::Discard,
        }
    }
}

impl FromStr for Verb {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|verb| verb.word() == text)
            .ok_or("write replay, release, approve, reject or discard")
    }
}
