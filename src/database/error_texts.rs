//! The meaning of errors of failed statements that diesel has no kind for: the message decides.
//!
//! The messages are MariaDB's (in English, which each session asks for) and SQLite's.

use diesel::result::{DatabaseErrorKind as Kind, Error};

/// The connection was lost, or the statement had to give way: the same statement may succeed on the next try.
pub(crate) fn is_passing(error: &Error) -> bool {
    match error {
        Error::DatabaseError(Kind::ClosedConnection | Kind::UnableToSendCommand | Kind::SerializationFailure, _)
        | Error::BrokenTransactionManager => true,
        // 1205, 1317, 2006 and 2013 have no kind of their own.
        Error::DatabaseError(Kind::Unknown, info) => {
            let passing = ["gone away", "Lost connection", "Lock wait timeout", "interrupted", "database is locked"];
            passing.iter().any(|text| info.message().contains(text))
        }
        _ => false,
    }
}

/// Another writer was in the way: deadlock (1213), lock wait (1205), snapshot conflict (1020), or a unique key that it took
/// first (1062).
pub(crate) fn is_contention(error: &Error) -> bool {
    match error {
        Error::DatabaseError(Kind::SerializationFailure | Kind::UniqueViolation, _) => true,
        Error::DatabaseError(Kind::Unknown, info) => {
            let text = info.message();
            text.starts_with("Lock wait timeout")
                || text.starts_with("Record has changed")
                || text == "database is locked"
        }
        _ => false,
    }
}

/// The statement took longer than `max_statement_time` (1969).
pub(crate) fn is_timeout(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, info) if info.message().contains("max_statement_time"))
}

/// The user may not run this statement (1142), or not use this database (1044).
pub(crate) fn is_denied(error: &Error) -> bool {
    let Error::DatabaseError(_, info) = error else { return false };
    info.message().contains("command denied to user") || info.message().starts_with("Access denied")
}

/// A table, a column or the right to read them is missing: the server's own message.
pub(crate) fn what_cannot_be_read(error: &Error) -> Option<&str> {
    let Error::DatabaseError(Kind::Unknown, info) = error else { return None };
    let message = info.message();
    let texts = ["doesn't exist", "command denied to user", "no such table", "Unknown column", "no such column"];
    texts.iter().any(|text| message.contains(text)).then_some(message)
}

#[cfg(test)]
mod tests;
