//! Who gives an order, and why.

/// Who does it, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// A token's name, or user and host.
    pub by: String,
    /// In the operator's words.
    pub reason: String,
}
