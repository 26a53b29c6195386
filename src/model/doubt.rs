//! Whether StackStorm may have acted on a row's last call, and for how long it may act yet.

/// What is known of a row's last call when the row is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// StackStorm did not act on it, and will not.
    None,
    /// It may have acted; the call is over.
    Over,
    /// It may have acted, and nothing shows that the call is over.
    Silent,
    /// Uncertain as before: no call was made since.
    AsBefore,
}

impl Doubt {
    /// Of a call that may have acted.
    pub const fn of_call(silent: bool) -> Self {
        if silent { Self::Silent } else { Self::Over }
    }

    /// The value of `dispatch_uncertain`.
    pub const fn is_uncertain(self) -> bool {
        !matches!(self, Self::None)
    }

    /// The new value of `dispatch_silent`; `None` leaves the column, which says nothing of a certain row.
    pub const fn silent(self) -> Option<bool> {
        match self {
            Self::Over => Some(false),
            Self::Silent => Some(true),
            Self::None | Self::AsBefore => None,
        }
    }
}
