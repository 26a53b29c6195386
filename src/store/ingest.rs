//! The webhook transaction: webhooks, alerts and their episodes.

pub mod alerts;
pub mod api_calls;
pub(crate) mod episodes;
pub mod webhooks;
