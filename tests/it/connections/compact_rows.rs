//! `migrate up` on a server with other defaults than ours, and after a failure half-way.

use crate::harness::{Process, Services, TestDatabase};

fn migrate(database: &TestDatabase, action: &str) -> Process {
    Process::poundcake("migrate").argument(action).variable("DATABASE_URL", database.owner_url())
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_the_same_whatever_the_servers_defaults_are() {
    let services = Services::private_with(
        "--innodb-default-row-format=compact --character-set-server=latin1 --collation-server=latin1_swedish_ci \
         --default-storage-engine=MEMORY",
        "",
    );
    let database = TestDatabase::mariadb_on(services);
    database.execute("ALTER DATABASE CHARACTER SET latin1 COLLATE latin1_swedish_ci");
    let (status, _, error) = migrate(&database, "up").run().await;
    assert!(status.success(), "{error}");
    let tables = database.lines(
        "SELECT CONCAT(engine, ' ', row_format, ' ', table_collation) AS value FROM information_schema.tables \
         WHERE table_schema = DATABASE()",
    );
    assert!(tables.len() > 10, "{tables:?}");
    assert!(tables.iter().all(|table| table == "InnoDB Dynamic utf8mb4_unicode_ci"), "{tables:?}");
    let other = database
        .count("information_schema.columns WHERE table_schema = DATABASE() AND character_set_name NOT IN ('utf8mb4')");
    assert_eq!(other, 0);
    assert!(migrate(&database, "status").run().await.0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_stopped_half_way_on_compact_rows_continues() {
    let database = TestDatabase::mariadb();
    drop(database.store(1));
    // What an older program left: one compact table. The next one had no room in compact rows.
    database.execute("DROP TABLE poundcake_st2_execution_link, poundcake_alerts");
    database
        .execute("ALTER TABLE poundcake_api_calls DROP INDEX ix_poundcake_api_calls_status_code, ROW_FORMAT = COMPACT");
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version > '202611220001'");
    database.execute("INSERT IGNORE INTO __diesel_schema_migrations (version) VALUES ('202611220001000000')");
    let (status, output, error) = migrate(&database, "up").run().await;
    assert!(status.success() && output.contains("applied 2026112200020"), "{output} {error}");
    let format = database.lines("SELECT row_format AS value FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name LIKE 'poundcake_%'");
    assert_eq!(format, ["Dynamic"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_migration_says_how_to_continue_and_continues() {
    let database = TestDatabase::mariadb();
    drop(database.store(1));
    database.execute("DELETE FROM __diesel_schema_migrations WHERE version LIKE '202611220022%'");
    database.execute("RENAME TABLE poundcake_st2_execution_link TO away");
    let (status, _, error) = migrate(&database, "up").run().await;
    assert_eq!(status.code(), Some(1), "{error}");
    for word in
        ["index_links_for_lists", "nothing has to be undone", "poundcake migrate up", "goes on with this migration"]
    {
        assert!(error.contains(word), "no {word:?} in {error}");
    }
    database.execute("RENAME TABLE away TO poundcake_st2_execution_link");
    let (status, _, error) = migrate(&database, "up").run().await;
    assert!(status.success(), "{error}");
}
