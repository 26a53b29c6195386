//! Holds the StackStorm stand-in to what was recorded from a running StackStorm 3.9.0.
//!
//! A test replays recorded requests in order and compares status, headers and bodies: keys and JSON types everywhere,
//! values where they are not times, ids or secrets; an id that came back is used in the requests that follow.
//! With `TEST_ST2_API_URL` and `TEST_ST2_API_KEY` set, the tests that begin with [`session::Session::anywhere`] run against
//! that StackStorm (it needs the pack `remediation`, and may have `poundcake`). They make executions there, and change and delete nothing else. The
//! others need faults, an empty history, other rules, a login or the stream, and always use the stand-in.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it is")]

mod anywhere;
mod catalog;
mod creation;
mod engine;
mod faults;
mod fronts;
mod life;
mod lists;
mod packs;
mod recording;
mod session;
mod shape;
mod sign_in;
mod stream;
mod webhooks;
