//! Connection errors that a retry cannot fix, and what a person has to do.
//!
//! diesel keeps the text of a failed connection and not its number. The server's words are English unless its `lc_messages` says
//! otherwise; then such an error counts as an outage, with the server's words in it.

use diesel::ConnectionError;

/// The words of an error, and what to do about it. The first that is found counts.
const KNOWN: [(&str, &str); 13] = [
    // 1044, 1045 and 1698.
    (
        "Access denied for user",
        "correct user and password in DATABASE_URL, and let that user log in from this host and use that database",
    ),
    ("Unknown database", "create the database, or correct its name in DATABASE_URL"),
    (
        "is not allowed to connect to this",
        "create the user for this host ('user'@'%' for any), or correct DATABASE_URL",
    ),
    ("this account is locked", "unlock it: ALTER USER … ACCOUNT UNLOCK"),
    ("password has expired", "set a new password, and write it into DATABASE_URL"),
    ("must SET PASSWORD", "set a new password, and write it into DATABASE_URL"),
    (
        "because of many connection errors",
        "find out what breaks connections from this host, then: mariadb-admin flush-hosts",
    ),
    (
        "Authentication plugin",
        "let the user log in by password (ed25519 or mysql_native_password), or install the client's plug-in",
    ),
    ("require_secure_transport", "the server wants TLS: write ssl_mode=verify_identity in DATABASE_URL"),
    ("TLS/SSL error", TLS),
    ("SSL connection error", TLS),
    ("SSL is required", TLS),
    ("MySQL connection URLs must be", "correct DATABASE_URL: mysql://user:password@host:3306/database"),
];

const TLS: &str = "no query was sent in plain text: let the server offer TLS with a certificate for the host in DATABASE_URL, name its CA \
     with POUNDCAKE_DB_CA_FILE, or lower ssl_mode";

/// What to do, where trying again does not help.
pub(crate) fn advice(error: &ConnectionError) -> Option<&'static str> {
    let text = match error {
        ConnectionError::BadConnection(text) => text,
        ConnectionError::InvalidConnectionUrl(_) => {
            return Some("correct DATABASE_URL: mysql://user:password@host:3306/database");
        }
        _ => return None,
    };
    KNOWN.iter().find(|(words, _)| text.contains(words)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<&'static str> {
        advice(&ConnectionError::BadConnection(text.to_owned()))
    }

    #[test]
    fn permanent_errors_are_told_from_transient_ones() {
        for (text, word) in [
            ("Access denied for user 'pc'@'10.0.0.1' (using password: YES)", "password"),
            ("Access denied for user 'pc'@'%' to database 'other'", "use that database"),
            ("Unknown database 'poundcake2'", "create the database"),
            ("Host '10.0.0.9' is not allowed to connect to this MariaDB server", "'user'@'%'"),
            ("TLS/SSL error: self-signed certificate in certificate chain", "POUNDCAKE_DB_CA_FILE"),
        ] {
            assert!(of(text).is_some_and(|advice| advice.contains(word)), "{text}");
        }
        for text in [
            "Can't connect to server on 'db' (111)",
            "Unknown server host 'db' (-2)",
            "Too many connections",
            "Lost connection to server at 'handshake: reading initial communication packet', system error: 11",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
