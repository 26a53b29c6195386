//! The outcome of a POST: the only place that decides what an answer, or a missing answer, means, in both modes.
//!
//! The question is always the same: may StackStorm have acted, or act yet? The table is in `table`.

mod table;

pub(super) use table::Mode;

use super::{
    answer::{UNKNOWN_ROUTE, fault, faultstring},
    error::LookupError,
    exchange::{Answer, SendError},
};
use reqwest::StatusCode;
use table::{Answered, Ended, Meaning, meaning};

/// What a POST came to; `A` is what StackStorm gives back where it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<A> {
    /// StackStorm has it. Never post it again.
    Accepted(A),
    /// Refused for good. In direct mode look the trace tag up once: StackStorm can answer 400 and leave a failed execution.
    Rejected {
        /// Why, for `dispatch_error`.
        message: String,
    },
    /// The credentials were refused; nothing ran, and the next call uses a fresh key or login.
    Unauthorized {
        /// Why.
        message: String,
    },
    /// StackStorm never saw the request.
    NotSent {
        /// Why.
        message: String,
    },
    /// The claim was too old to post under; StackStorm was not tried.
    TooLate {
        /// For people.
        message: String,
    },
    /// This worker of st2api does not know the webhook (yet): nothing was published. Another worker may know it.
    NotRegistered {
        /// StackStorm's words.
        message: String,
    },
    /// st2api itself says that it failed: its handler is over. Direct mode: one healthy lookup decides. Rule mode: nothing
    /// was published, unless StackStorm lists the webhook more than once.
    FailedInside {
        /// StackStorm's words.
        message: String,
    },
    /// It may run, now or later: look it up, never just post it again.
    Uncertain {
        /// What was seen.
        message: String,
        /// Nothing shows that the call is over: it may hang inside st2api and act many minutes later.
        silent: bool,
    },
}

/// What an outcome tells the circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// StackStorm answered the POST, whatever it said.
    Works,
    /// It did not, or failed.
    Fails,
    /// Nothing can be told.
    Nothing,
}

impl<A> Outcome<A> {
    /// Gives an answer its meaning; `accepted` reads what StackStorm gives back.
    pub(super) fn of(
        mode: Mode,
        result: Result<Answer, SendError>,
        accepted: impl FnOnce(&Answer) -> Result<A, LookupError>,
    ) -> Self {
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => {
                let ended = Ended::of_error(&error);
                return Self::without_answer(meaning(mode, ended), error.message());
            }
        };
        let answered = Answered::of(&answer);
        let means = meaning(mode, Ended::Answered(answered));
        if means == Meaning::Accepted {
            return accepted(&answer).map_or_else(
                |error| {
                    let message = format!("{}, but no execution id: {error}", answer.status);
                    Self::Uncertain { message, silent: false }
                },
                Self::Accepted,
            );
        }
        Self::without_answer(means, with_hint(means, &answer))
    }

    fn without_answer(means: Meaning, message: String) -> Self {
        match means {
            Meaning::Rejected => Self::Rejected { message },
            Meaning::Unauthorized => Self::Unauthorized { message },
            Meaning::NotSent => Self::NotSent { message },
            Meaning::TooLate => Self::TooLate { message },
            Meaning::NotRegistered => Self::NotRegistered { message },
            Meaning::FailedInside => Self::FailedInside { message },
            Meaning::Uncertain | Meaning::Accepted => Self::Uncertain { message, silent: false },
            Meaning::Silent => Self::Uncertain { message, silent: true },
        }
    }

    /// One word, for metrics and logs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Rejected { .. } => "rejected",
            Self::Unauthorized { .. } => "unauthorized",
            Self::NotSent { .. } => "not_sent",
            Self::TooLate { .. } => "too_late",
            Self::NotRegistered { .. } => "not_registered",
            Self::FailedInside { .. } => "failed_inside",
            Self::Uncertain { .. } => "uncertain",
        }
    }

    /// Whether StackStorm works, as far as the outcome tells.
    pub const fn signal(&self) -> Signal {
        match self {
            Self::Accepted(_) | Self::Rejected { .. } | Self::NotRegistered { .. } => Signal::Works,
            Self::Unauthorized { .. } | Self::NotSent { .. } | Self::FailedInside { .. } | Self::Uncertain { .. } => {
                Signal::Fails
            }
            Self::TooLate { .. } => Signal::Nothing,
        }
    }
}

/// A redirect, a TLS port spoken to in plain HTTP, or an unknown route is a wrong `ST2_API_URL`.
fn with_hint(means: Meaning, answer: &Answer) -> String {
    let message = fault(answer);
    let wrong_url = match means {
        Meaning::NotSent => true,
        _ => answer.status == StatusCode::NOT_FOUND && faultstring(answer).is_none_or(|words| words == UNKNOWN_ROUTE),
    };
    if wrong_url {
        format!("{message} (check ST2_API_URL: http://host:9101/v1, or https://host/api/v1 behind nginx)")
    } else {
        message
    }
}

#[cfg(test)]
mod tests;
