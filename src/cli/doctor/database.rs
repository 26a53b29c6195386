//! Checks the database: reachable, our schema, writable, with room for the largest webhook.

use super::{finding::Finding, server, writable};
use crate::{
    clock,
    config::Settings,
    database::{Database, DatabaseError, max_packet, migrations, transaction},
    logging,
    store::read::backlog,
};

const AREA: &str = "database";

/// The findings, and whether our tables can be read.
pub(super) async fn check(settings: &Settings, store: &Database) -> (Vec<Finding>, bool) {
    if let Err(error) = store.ping().await {
        let advice =
            "start the database, or correct DATABASE_URL; until then ingest answers 503 and Alertmanager retries";
        let finding = match error {
            // These errors contain the advice.
            DatabaseError::Unfit(text) => Finding::wrong(AREA, "client library", text),
            DatabaseError::Refused { label, text, advice } => {
                Finding::wrong(AREA, "reachable", format!("{label}: {text}")).advice(advice)
            }
            error => Finding::wrong(AREA, "reachable", logging::chain(&error)).advice(advice),
        };
        return (vec![finding], false);
    }
    let mut findings = vec![Finding::ok(AREA, "reachable", store.label())];
    findings.extend(versions(store).await);
    let schema = schema(store).await;
    let usable = matches!(schema, Ok(()));
    findings.push(match schema {
        Ok(()) => Finding::ok(AREA, "schema", "this program's"),
        Err(DatabaseError::Schema(text)) => Finding::wrong(AREA, "schema", text).advice("run poundcake migrate status"),
        Err(error) => Finding::unknown(AREA, "schema", logging::chain(&error)),
    });
    if usable {
        findings.push(writable::check(AREA, store).await);
    }
    findings.extend(
        limits(settings, store)
            .await
            .unwrap_or_else(|error| vec![Finding::unknown(AREA, "limits", logging::chain(&error))]),
    );
    findings.extend(server::check(AREA, store, usable).await);
    (findings, usable)
}

async fn versions(store: &Database) -> Option<Finding> {
    match store.run(backlog::versions).await {
        Ok(versions) => versions.map(|versions| Finding::ok(AREA, "versions", versions)),
        Err(error) => Some(Finding::unknown(AREA, "versions", logging::chain(&error))),
    }
}

async fn schema(store: &Database) -> Result<(), DatabaseError> {
    store.run(|conn| migrations::status(conn)?.require_current()).await
}

async fn limits(settings: &Settings, store: &Database) -> Result<Vec<Finding>, DatabaseError> {
    let (now, packet) = store.run(|conn| Ok((transaction::now(conn)?, max_packet::max_allowed(conn)?))).await?;
    let mut findings = Vec::new();
    if let Some(packet) = packet {
        let (body, check) = (settings.http.max_body_bytes, "max_allowed_packet");
        findings.push(if body > packet / 2 {
            let found = format!("{packet} bytes; webhooks above {} bytes are refused", packet / 2);
            let needed = body.saturating_mul(2);
            Finding::note(AREA, check, found)
                .advice(format!("for POUNDCAKE_MAX_BODY_BYTES={body}, run: SET GLOBAL max_allowed_packet = {needed}"))
        } else {
            Finding::ok(AREA, check, format!("{packet} bytes"))
        });
    }
    let difference = (now - clock::utc_now()).num_milliseconds();
    let found = format!(
        "the database's clock is {difference} ms ahead of this host's clock; PoundCake uses only the database's"
    );
    findings.push(Finding::ok(AREA, "clock", found));
    Ok(findings)
}
