//! Holds the StackStorm stand-in to what was recorded from a running StackStorm 3.9.0.
//!
//! A test replays recorded requests in order and compares status, headers and bodies: keys and JSON types everywhere,
//! values where they are not times, ids or secrets; an id that came back is used in the requests that follow.
//! With `TEST_ST2_API_URL` and `TEST_ST2_API_KEY` set, the tests of [`anywhere`] run against that StackStorm instead (it
//! needs the pack `remediation`); the others depend on faults, on the pack's registration or on an empty history, and
//! always use the stand-in.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it is")]

mod anywhere;
mod catalog;
mod creation;
mod engine;
mod faults;
mod fronts;
mod life;
mod lists;
mod recording;
mod session;
mod shape;
mod sign_in;
mod stream;
mod webhooks;
