//! Who may call a route, and what is public about it.

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody: no secrets and no alert text in it.
    Public,
    /// Senders of webhooks.
    Webhook,
    /// People and programs that read: every operator's token.
    Viewer,
    /// People and programs that give orders: an operator's token that is not a viewer's.
    Operator,
}

/// What documentation and tests see of a route.
#[derive(Debug, Clone)]
pub struct RouteInfo {
    /// Who may call it.
    pub access: Access,
    /// HTTP method.
    pub method: &'static str,
    /// Path, with `{parameters}`.
    pub path: &'static str,
    /// Part of the operator page: a browser's session is as good as a token.
    pub page: bool,
}

impl RouteInfo {
    /// For the header `Allow`.
    pub(super) fn allowed(&self) -> &'static str {
        if self.method == "GET" { "GET, HEAD" } else { self.method }
    }
}
