//! What the relay, the dispatcher and the resolver read and write.

pub mod admission;
pub mod awaiting;
pub mod claim;
pub mod counts;
pub mod dispatch_log;
pub mod due;
pub mod held;
pub mod links;
pub mod places;
pub mod record;
pub mod release;
