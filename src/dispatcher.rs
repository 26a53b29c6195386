//! From an alert's row to StackStorm: what is to be triggered, and with what.

pub mod parameters;
pub mod routes;
pub mod template;
