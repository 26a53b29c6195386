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
mod tests {
    use super::*;

    fn error(kind: Kind, message: &str) -> Error {
        Error::DatabaseError(kind, Box::new(message.to_owned()))
    }

    #[test]
    fn messages_that_have_no_kind_are_told_apart() {
        let unreadable = |error: &Error| what_cannot_be_read(error).is_some();
        for (message, [passing, contention, timeout, denied, not_readable]) in [
            ("MySQL server has gone away", [true, false, false, false, false]),
            ("Lost connection to server during query", [true, false, false, false, false]),
            ("Query execution was interrupted", [true, false, false, false, false]),
            ("Lock wait timeout exceeded; try restarting transaction", [true, true, false, false, false]),
            ("database is locked", [true, true, false, false, false]),
            ("Record has changed since last read in table 'alerts'", [false, true, false, false, false]),
            ("Query execution was interrupted (max_statement_time exceeded)", [true, false, true, false, false]),
            ("SELECT command denied to user 'pc'@'%' for table `pc`.`x`", [false, false, false, true, true]),
            ("Access denied for user 'pc'@'%' to database 'pc'", [false, false, false, true, false]),
            ("Table 'pc.x' doesn't exist", [false, false, false, false, true]),
            ("no such column: x", [false, false, false, false, true]),
            ("You have an error in your SQL syntax", [false, false, false, false, false]),
        ] {
            let error = error(Kind::Unknown, message);
            let found =
                [is_passing(&error), is_contention(&error), is_timeout(&error), is_denied(&error), unreadable(&error)];
            assert_eq!(found, [passing, contention, timeout, denied, not_readable], "{message}");
        }
    }

    #[test]
    fn a_kind_counts_without_its_message() {
        for (kind, passing, contention) in [
            (Kind::ClosedConnection, true, false),
            (Kind::UnableToSendCommand, true, false),
            (Kind::SerializationFailure, true, true),
            (Kind::UniqueViolation, false, true),
            (Kind::NotNullViolation, false, false),
        ] {
            let error = error(kind, "");
            assert_eq!((is_passing(&error), is_contention(&error)), (passing, contention), "{error:?}");
        }
        assert!(is_passing(&Error::BrokenTransactionManager) && !is_contention(&Error::BrokenTransactionManager));
    }
}
