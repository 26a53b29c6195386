//! What the relay, the dispatcher and the resolver read and write.

pub mod awaiting;
pub mod claim;
pub mod dispatch_log;
pub mod due;
pub mod links;
pub mod record;
pub mod release;
