//! Which error texts mean what.

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
