//! How many of a POST's messages reach RabbitMQ.

/// How often the messages of a POST reach RabbitMQ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publishing {
    /// As in a healthy StackStorm.
    Once,
    /// Never: what is created is an orphan, and a webhook is lost.
    Lost,
    /// A webhook's message is delivered twice.
    Twice,
    /// Of a webhook's several triggers the first alone.
    FirstOfSeveral,
}
