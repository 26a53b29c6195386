//! Orders of operators: replay, discard, release, approve, reject, pause, resume, prune. `http` and `cli` both call this.
//!
//! An order names its rows by a filter, says who gives it and why, and is carried out in chunks while everything else goes
//! on. It is a row itself, inserted before the first chunk and completed after the last. Crash safety: after a
//! crash the chunks so far are done and say so in their rows' `dispatch_log`, and the order's row has no result; the same order
//! again takes the rest.

mod orders;
mod pauses;
mod prune;

pub use crate::store::operate::{filter::Filter, orders::Source};
pub use orders::{Done, Order, OrderError, carry_out};
pub use pauses::{Length, NewPause, PauseError, Paused, parse_length, pause, resume};
pub use prune::{Pruned, prune};
