//! A time on the command line: a point in time, or how long ago.

use crate::database::{Database, transaction};
use chrono::{DateTime, TimeDelta, Utc};

/// As a person writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// `2026-11-22T01:00:00Z`
    At(DateTime<Utc>),
    /// `1h`: so long before the database's now.
    Ago(TimeDelta),
}

/// Reads one; the error says what to write.
pub(super) fn parse(text: &str) -> Result<Moment, String> {
    if let Ok(time) = text.parse() {
        return Ok(Moment::At(time));
    }
    let ago = humantime::parse_duration(text.trim()).ok().and_then(|ago| TimeDelta::from_std(ago).ok());
    ago.map(Moment::Ago)
        .ok_or_else(|| "write a time, such as 2026-11-22T01:00:00Z, or how long ago, such as 30m, 1h or 7d".to_owned())
}

/// The point in time that is meant, if there is one.
pub(super) async fn resolve(moment: Option<Moment>, store: &Database) -> anyhow::Result<Option<DateTime<Utc>>> {
    match moment {
        Some(moment) => Ok(Some(moment.resolve(store).await?)),
        None => Ok(None),
    }
}

impl Moment {
    /// The point in time. The rows have the database's time, so its clock says what is an hour ago, and not this host's.
    pub(super) async fn resolve(self, store: &Database) -> anyhow::Result<DateTime<Utc>> {
        let ago = match self {
            Self::At(time) => return Ok(time),
            Self::Ago(ago) => ago,
        };
        let now = store.run(|conn| Ok(transaction::now(conn)?)).await?.and_utc();
        now.checked_sub_signed(ago).ok_or_else(|| anyhow::anyhow!("{ago} ago is before all time; write a shorter one"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_how_long_ago() {
        assert_eq!(parse("2026-11-22T01:00:00Z"), Ok(Moment::At("2026-11-22T01:00:00Z".parse().unwrap())));
        assert_eq!(parse("2026-11-22T02:00:00+01:00"), parse("2026-11-22T01:00:00Z"));
        assert_eq!(parse("90m"), Ok(Moment::Ago(TimeDelta::minutes(90))));
        assert_eq!(parse("1h 30m"), parse("90m"));
        assert_eq!(parse("7d"), Ok(Moment::Ago(TimeDelta::days(7))));
        for wrong in ["", "yesterday", "1", "-1h", "2026-11-22"] {
            assert!(parse(wrong).unwrap_err().contains("1h or 7d"), "{wrong}");
        }
    }

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn how_long_ago_counts_from_the_databases_now() {
        let store = Database::new(crate::database::connect::DatabaseUrl::parse("sqlite://:memory:").unwrap(), 1);
        let hour_ago = parse("1h").unwrap().resolve(&store).await.unwrap();
        let distance = Utc::now() - TimeDelta::hours(1) - hour_ago;
        assert!(distance.abs() < TimeDelta::minutes(1), "{distance}");
        let eternity = parse("290000y").unwrap().resolve(&store).await.unwrap_err().to_string();
        assert!(eternity.contains("shorter"), "{eternity}");
    }
}
