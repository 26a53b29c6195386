//! Episodes under concurrency: many writers, the same alerts; one dispatch per firing, decided under the opener's lock.

use crate::harness::{
    Pipeline, Setup, Shape, T0, TestDatabase, client, firing, incoming, intake, on_both_shapes, on_both_stores,
    resolved,
};
use poundcake::{
    database::Database,
    model::{episode::EpisodePolicy, plan::Arrival},
    store::ingest::webhooks::{Batch, Intake},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use std::time::Duration;

on_both_shapes! {
    a_resolve_ends_its_own_firing_whatever_the_clocks_say,
    a_start_far_in_the_future_is_stored_and_its_repeat_runs_nothing,
}

on_both_stores! {
    many_writers_open_one_episode_per_firing_and_lose_no_row,
}

const WRITERS: u64 = 4;
const BATCHES: usize = 40;
const ROWS: usize = 50;
/// Few, so that every batch meets others'.
const FINGERPRINTS: u32 = 60;

fn random_intake(rng: &mut StdRng) -> Intake {
    let arrival = |rng: &mut StdRng| {
        let name = format!("A{}", rng.random_range(0..FINGERPRINTS));
        Arrival::Alert(incoming(&name, rng.random_bool(0.7), rng.random_range(0..4)))
    };
    intake((0..ROWS).map(|_| arrival(rng)).collect())
}

/// Returns how often transactions were retried.
fn write(store: &Database, seed: u64, policy: &EpisodePolicy) -> u32 {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut conn = store.connect().expect("a connection");
    let stored = |_| Batch::new(vec![random_intake(&mut rng)]).store(&mut conn, policy).expect("stored").retries;
    (0..BATCHES).map(stored).sum()
}

fn many_writers_open_one_episode_per_firing_and_lose_no_row(database: TestDatabase) {
    let store = database.store(2);
    let policy = EpisodePolicy { refire_cooldown: Duration::ZERO, several_sources: false };
    let (store, policy) = (&store, &policy);
    let retries: u32 = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|seed| scope.spawn(move || write(store, seed, policy))).collect();
        writers.into_iter().map(|writer| writer.join().expect("a writer")).sum()
    });
    let batches = usize::try_from(WRITERS).expect("few") * BATCHES;
    println!(
        "{}: {retries} retries in {batches} batches of {ROWS} rows",
        database.url().split(':').next().unwrap_or("")
    );
    assert_eq!(database.count("poundcake_alerts"), i64::try_from(batches * ROWS).expect("few"));
    assert_eq!(database.count("poundcake_api_calls WHERE id > 0"), i64::try_from(batches).expect("few"));
    // Nothing is dispatched here, so an opener that is resolved was never sent: it may be opened again. Otherwise a
    // firing (fingerprint and start) is pending at most once.
    let twice = "(SELECT fingerprint FROM poundcake_alerts WHERE dispatch_status = 'pending' \
                     GROUP BY fingerprint, starts_at HAVING COUNT(*) > 1) AS twice";
    assert_eq!(database.count(twice), 0, "a firing is pending once");
    let open = "(SELECT fingerprint FROM poundcake_alerts WHERE open_fingerprint IS NOT NULL \
                    GROUP BY fingerprint HAVING COUNT(*) > 1) AS open";
    assert_eq!(database.count(open), 0, "one open episode per fingerprint");
    let lost = "poundcake_alerts WHERE dispatch_status = 'pending' AND open_fingerprint IS NULL AND closed_at IS NULL";
    assert_eq!(database.count(lost), 0, "every pending row opened an episode");
    let strangers = "poundcake_alerts AS f JOIN poundcake_alerts AS o ON o.id = f.opened_by \
                         WHERE o.fingerprint <> f.fingerprint OR o.opened_by IS NOT NULL";
    assert_eq!(database.count(strangers), 0, "followers follow an opener of their own");
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_sent_to_two_ingests_at_once_run_once() {
    const ALERTS: usize = 60;
    let pipeline = Setup::new(Shape::Separate).await;
    let pipeline =
        pipeline.routes("routes: [{match: 'alertname=\"HostDown\"', action: remediation.fails}]").start().await;
    let second = pipeline.setup.process("ingest").start().ready().await;
    let urls = [pipeline.ingest.url("/api/v1/webhook"), second.url("/api/v1/webhook")];
    let mut sends = tokio::task::JoinSet::new();
    for n in 0..ALERTS {
        let alert = firing("HostDown", &format!("host-{n}"), "2026-11-22T01:00:00Z");
        let body = json!({ "alerts": [alert] }).to_string();
        // Twins, and a retry of each at the same time.
        for url in urls.iter().chain(&urls) {
            let request = client().post(url).body(body.clone());
            sends.spawn(async move { request.send().await.expect("an answer").status().as_u16() });
        }
        if n % 3 == 0 {
            let end = resolved("HostDown", &format!("host-{n}"), "2026-11-22T01:00:00Z", "2026-11-22T02:00:00Z");
            let request = client().post(&urls[n % 2]).body(json!({ "alerts": [end] }).to_string());
            sends.spawn(async move { request.send().await.expect("an answer").status().as_u16() });
        }
    }
    let statuses = sends.join_all().await;
    assert!(statuses.iter().all(|status| *status == 202), "{statuses:?}");
    pipeline.settled().await;
    let mut instances: Vec<String> = Vec::new();
    for execution in pipeline.st2().executions() {
        instances.push(execution.document["context"]["poundcake"]["fingerprint"].to_string());
    }
    let started = instances.len();
    instances.sort();
    instances.dedup();
    assert_eq!(started, instances.len(), "no firing ran twice");
    let never = "poundcake_alerts WHERE dispatch_status = 'dispatched'";
    assert_eq!(pipeline.database().count(never), i64::try_from(started).expect("few"));
    // One that was resolved before it was sent need not run; each of the others ran.
    assert!(started >= ALERTS - ALERTS.div_ceil(3), "{started} ran");
}

/// Clocks differ, so an end alone proves nothing; the start says which firing a resolve ends.
async fn a_resolve_ends_its_own_firing_whatever_the_clocks_say(shape: Shape) {
    const T1: &str = "2026-11-22T02:00:00Z";
    const T2: &str = "2026-11-22T03:00:00Z";
    let pipeline = Pipeline::of(shape, |setup| setup.routes("routes: []")).await;
    let send = async |alert| {
        pipeline.send(&[alert]).await;
        pipeline.settled().await;
    };
    let open = |instance: &str| {
        let open = format!("poundcake_alerts WHERE open_fingerprint IS NOT NULL AND instance = '{instance}'");
        pipeline.database().count(&open)
    };
    send(firing("HostDown", "own", T1)).await;
    send(resolved("HostDown", "own", T1, T0)).await;
    assert_eq!(open("own"), 0, "its own start, an end before it");

    send(firing("HostDown", "own", T2)).await;
    send(resolved("HostDown", "own", T1, T2)).await;
    assert_eq!(open("own"), 1, "a late twin of the firing before");
    send(resolved("HostDown", "own", T2, T2)).await;
    assert_eq!(open("own"), 0, "its own start, an end equal to it");

    send(firing("HostDown", "first", T2)).await;
    send(resolved("HostDown", "first", T1, T1)).await;
    assert_eq!(open("first"), 0, "nothing was heard before: it can end nothing else");

    send(resolved("HostDown", "heard", T0, T1)).await;
    send(firing("HostDown", "heard", T2)).await;
    send(resolved("HostDown", "heard", T0, T1)).await;
    assert_eq!(open("heard"), 1, "a firing before was heard of, by its end");
}

/// A sender whose clock is wrong. MariaDB's TIMESTAMP ends in 2038: as such a time it would be NULL, and each repeat a firing.
async fn a_start_far_in_the_future_is_stored_and_its_repeat_runs_nothing(shape: Shape) {
    const FAR: &str = "2045-06-07T08:09:10Z";
    let routes = "routes: [{match: 'alertname=\"HostDown\"', action: remediation.fails}]";
    let pipeline = Pipeline::of(shape, |setup| setup.routes(routes)).await;
    for _ in 0..2 {
        pipeline.send(&[firing("HostDown", "far", FAR)]).await;
        pipeline.settled().await;
    }
    let rows = pipeline.database().lines(
        "SELECT CONCAT(SUBSTR(starts_at, 1, 19), ' ', dispatch_status, ' ', COALESCE(dispatch_reason, '-')) AS value \
         FROM poundcake_alerts ORDER BY id",
    );
    assert_eq!(rows, ["2045-06-07 08:09:10 dispatched -", "2045-06-07 08:09:10 skipped repeat"]);
    pipeline.send(&[resolved("HostDown", "far", FAR, FAR)]).await;
    assert_eq!(pipeline.database().count("poundcake_alerts WHERE open_fingerprint IS NOT NULL"), 0, "its end is known");
    assert_eq!(pipeline.st2().executions().len(), 1);
}
