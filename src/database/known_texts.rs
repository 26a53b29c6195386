//! Reads known texts back before anything else: a client library that returns wrong texts is refused.
//!
//! Connector/C 3.3.19 (Debian's libmariadb3 10.11.18) and 3.4.9 set the lengths of a row to 0 when result buffers are bound
//! again (CONC-821). diesel binds them again after each text that is longer than its buffer, so the text of the first row of
//! every result reads as empty, without an error. Acting on empty text would be worse than not starting.

use super::prepared::{known_by_text, prepared};
use chrono::{NaiveDate, NaiveDateTime};
use diesel::{
    MysqlConnection, QueryResult, QueryableByName, RunQueryDsl,
    mysql::Mysql,
    query_builder::{AstPass, BoxedSqlQuery, Query, QueryFragment},
    sql_types::{BigInt, Nullable, Text, Timestamp},
};
use std::fmt::Write;

/// What was read is not what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Through which kind of load, of which row, and which column.
    pub(crate) place: String,
    /// What came back instead, shortened.
    pub(crate) found: String,
    /// What was sent, shortened.
    pub(crate) sent: String,
}

/// One row as it is sent, and as it must come back.
#[derive(Debug, Clone, PartialEq, diesel::Queryable, QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Text)]
    short: String,
    #[diesel(sql_type = Nullable<Text>)]
    sometimes: Option<String>,
    #[diesel(sql_type = Text)]
    long: String,
    #[diesel(sql_type = Timestamp)]
    moment: NaiveDateTime,
    /// Made by the server of what arrived there: characters and bytes of `long`, and the bytes of `short`.
    #[diesel(sql_type = Text)]
    arrived: String,
}

/// Lengths grow and shrink from row to row, NULL follows text and text NULL.
fn rows() -> Vec<Row> {
    let unit = "alert text, größer als 7-bit: 火 🔥. ";
    let long = |bytes: usize| {
        unit.chars()
            .cycle()
            .scan(0, |sum, c| {
                *sum += c.len_utf8();
                (*sum <= bytes).then_some(c)
            })
            .collect()
    };
    let row = |number: i64, short: &str, sometimes: Option<&str>, long: String| Row {
        number,
        short: short.to_owned(),
        sometimes: sometimes.map(str::to_owned),
        moment: moment(),
        arrived: arrived(short, &long),
        long,
    };
    vec![
        row(1, "pending", Some("web-1.example:9100"), long(64 << 10)),
        row(2, "é", None, long(300)),
        row(3, "awaiting_execution", Some("ß"), long(80 << 10)),
        row(4, "x", None, "y".to_owned()),
    ]
}

fn moment() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2026, 11, 30).and_then(|day| day.and_hms_micro_opt(12, 34, 56, 789_012)).unwrap_or_default()
}

fn arrived(short: &str, long: &str) -> String {
    let mut line = format!("{} {} ", long.chars().count(), long.len());
    for byte in short.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(line, "{byte:02X}");
    }
    line
}

impl Row {
    /// In the order of the placeholders of [`SELECT`].
    fn values(&self) -> [Option<&str>; 6] {
        [
            Some(&self.short),
            self.sometimes.as_deref(),
            Some(&self.long),
            Some(&self.long),
            Some(&self.long),
            Some(&self.short),
        ]
    }
}

/// Of one row; the same for every kind of load.
const SELECT: &str = " AS number, CAST(? AS CHAR) AS short, CAST(? AS CHAR) AS sometimes, CAST(? AS CHAR) AS `long`, \
     TIMESTAMP'2026-11-30 12:34:56.789012' AS moment, \
     CONCAT(CHAR_LENGTH(?), ' ', OCTET_LENGTH(CONVERT(? USING utf8mb4)), ' ', HEX(CONVERT(? USING utf8mb4))) AS arrived";

/// The query, with a `?` for each value.
fn text(rows: &[Row]) -> String {
    let selects: Vec<String> = rows.iter().map(|row| format!("SELECT {}{SELECT}", row.number)).collect();
    format!("{} ORDER BY number", selects.join(" UNION ALL "))
}

/// A typed query; it stays prepared where [`prepared`] says so.
struct Typed<'a> {
    text: &'a str,
    values: Vec<Option<&'a str>>,
}

impl Query for Typed<'_> {
    type SqlType = (BigInt, Text, Nullable<Text>, Text, Timestamp, Text);
}

impl RunQueryDsl<MysqlConnection> for Typed<'_> {}

known_by_text!(Typed<'_>);

impl QueryFragment<Mysql> for Typed<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Mysql>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        let mut pieces = self.text.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for (piece, value) in pieces.zip(&self.values) {
            out.push_bind_param::<Nullable<Text>, _>(value)?;
            out.push_sql(piece);
        }
        Ok(())
    }
}

/// Sends known texts and reads them back through every way that queries take: typed and by name, prepared for one use, and
/// prepared once and used twice.
pub(crate) fn check(conn: &mut MysqlConnection) -> QueryResult<Option<Difference>> {
    let sent = rows();
    let text = text(&sent);
    let typed = || Typed { text: &text, values: sent.iter().flat_map(Row::values).collect() };
    let by_name = || {
        let query = diesel::sql_query(&text).into_boxed::<Mysql>();
        sent.iter().flat_map(Row::values).fold(query, BoxedSqlQuery::bind::<Nullable<Text>, _>)
    };
    let loads: [(&str, QueryResult<Vec<Row>>); 6] = [
        ("a typed query", typed().load(conn)),
        ("a typed query, prepared", prepared(typed()).load(conn)),
        ("a typed query, prepared earlier", prepared(typed()).load(conn)),
        ("a query by name", by_name().load(conn)),
        ("a query by name, prepared", prepared(by_name()).load(conn)),
        ("a query by name, prepared earlier", prepared(by_name()).load(conn)),
    ];
    for (way, found) in loads {
        if let Some(difference) = compare(way, &sent, &found?) {
            return Ok(Some(difference));
        }
    }
    Ok(None)
}

fn compare(way: &str, sent: &[Row], found: &[Row]) -> Option<Difference> {
    let difference =
        |place: String, found: &str, sent: &str| Difference { place, found: short(found), sent: short(sent) };
    if sent.len() != found.len() {
        let place = format!("the number of rows of {way}");
        return Some(difference(place, &found.len().to_string(), &sent.len().to_string()));
    }
    let columns = |row: &Row| {
        [
            ("number", row.number.to_string()),
            ("short text", row.short.clone()),
            ("text or NULL", format!("{:?}", row.sometimes)),
            ("long text", row.long.clone()),
            ("time", row.moment.to_string()),
            ("what arrived at the server", row.arrived.clone()),
        ]
    };
    for (sent, found) in sent.iter().zip(found) {
        for ((column, was), (_, is)) in columns(sent).iter().zip(&columns(found)) {
            if was != is {
                return Some(difference(format!("the {column} in row {} of {way}", sent.number), is, was));
            }
        }
    }
    None
}

/// The beginning, and how long it is.
fn short(text: &str) -> String {
    const SHOWN: usize = 24;
    let shown: String = text.chars().take(SHOWN).collect();
    if shown.len() == text.len() { format!("{shown:?}") } else { format!("{shown:?}… ({} bytes)", text.len()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named_with_its_place() {
        let sent = rows();
        assert_eq!(compare("x", &sent, &sent), None);
        let mut found = sent.clone();
        found[0].short = String::new();
        let difference = compare("a typed query", &sent, &found).unwrap();
        assert_eq!(difference.place, "the short text in row 1 of a typed query");
        assert_eq!((difference.found.as_str(), difference.sent.as_str()), ("\"\"", "\"pending\""));
        let mut found = sent.clone();
        found[2].long.pop();
        assert!(compare("x", &sent, &found).unwrap().place.starts_with("the long text in row 3"));
        assert!(compare("x", &sent, &found[1..]).is_some());
    }

    #[test]
    fn the_long_texts_are_longer_than_64_kib_less_one_character() {
        let sent = rows();
        assert!(sent[0].long.len() > (64 << 10) - 4 && sent[2].long.len() > sent[0].long.len());
    }
}
