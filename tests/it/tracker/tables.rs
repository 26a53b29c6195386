//! The tables: their migrations with and without a prefix, what rows become, and reads where they are not.

use crate::harness::{Process, Services, TestDatabase, on_both_stores};
use diesel::{Connection, MysqlConnection, RunQueryDsl, sql_query};
use poundcake::{
    database::{Database, connect::DatabaseUrl, connection::AnyConnection, migrations},
    st2_tables::{
        ExecutionRow, Found, St2Tables, TablePrefix, Tracking,
        catalog::{self, Catalog, Field, Listed},
        schema, tracking,
        upsert::{self, Observed},
    },
};

on_both_stores! {
    async the_tables_go_up_and_down_and_up_again_next_to_ours_with_any_prefix,
    async a_terminal_status_is_never_replaced_by_another,
    async executions_are_marked_gone_or_overdue_until_stackstorm_shows_them_again,
    async a_catalog_becomes_what_stackstorm_lists,
    async reads_say_that_the_tables_are_not_there_and_are_no_error,
    async tables_of_that_name_that_somebody_else_made_are_left_alone,
}

fn connect(database: &TestDatabase) -> AnyConnection {
    DatabaseUrl::parse(&database.owner_url()).expect("a URL").connect(None).expect("a connection")
}

fn prefixes() -> [TablePrefix; 2] {
    ["", "st2_"].map(|text| text.parse().expect("a prefix"))
}

fn observed(id: &str, status: &str, tracking: Tracking) -> Observed {
    let status = Some(status.to_owned());
    Observed { status, tracking, action: Some("core.noop".to_owned()), ..Observed::gone(id, None) }
}

fn read(conn: &mut AnyConnection, prefix: &TablePrefix, id: &str) -> ExecutionRow {
    let found = poundcake::st2_tables::read::executions(conn, prefix, &[id.to_owned()]).expect("a read");
    let Found::Rows(mut rows) = found else { panic!("{found:?}") };
    rows.pop().expect("a row")
}

async fn the_tables_go_up_and_down_and_up_again_next_to_ours_with_any_prefix(database: TestDatabase) {
    let conn = &mut connect(&database);
    assert!(!migrations::up(conn).expect("ours").is_empty());
    for prefix in prefixes() {
        assert_eq!(schema::up(conn, &prefix).expect("up").len(), schema::TABLES.len() + 1);
        assert_eq!(schema::up(conn, &prefix).expect("nothing to do"), [""; 0]);
        for table in schema::TABLES {
            assert_eq!(database.count(&prefix.table(table)), 0);
        }
        schema::down(conn, &prefix).expect("down");
        assert_eq!(schema::status(conn, &prefix).expect("a status").applied, [""; 0]);
        schema::up(conn, &prefix).expect("up again");
    }
    assert!(migrations::status(conn).expect("ours").require_current().is_ok());
}

#[tokio::test]
async fn ids_and_states_compare_as_in_the_links_and_people_find_the_columns_they_expect() {
    let database = TestDatabase::mariadb();
    schema::up(&mut connect(&database), &TablePrefix::default()).expect("up");
    let columns = |table: &str| {
        database.lines(&format!(
            "SELECT GROUP_CONCAT(column_name ORDER BY ordinal_position) AS value FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = '{table}'"
        ))
    };
    let expected = [
        (
            "execution_db",
            "id,action,parameters,status,result,start_timestamp,end_timestamp,parent,context,tracking,tracked_at",
        ),
        ("liveaction_db", "id,action,parameters,status,start_timestamp,callback,context"),
        ("action_db", "id,name,pack,description,enabled,entry_point,runner_type,parameters,tags,metadata_file"),
        ("rule_db", "id,name,pack,description,enabled,trigger,criteria,action,tags"),
        ("trigger_db", "id,name,pack,type,parameters"),
        ("webhook_db", "id,name,type,url"),
        ("workflow_db", "id,name,pack,description,entry_point"),
    ];
    for (table, wanted) in expected {
        assert_eq!(columns(table), [wanted], "{table}");
    }
    let other = database.lines(
        "SELECT CONCAT(table_name, '.', column_name) AS value FROM information_schema.columns \
         WHERE table_schema = DATABASE() AND data_type = 'varchar' AND collation_name <> 'utf8mb4_bin'",
    );
    assert_eq!(other, [""; 0]);
}

async fn a_terminal_status_is_never_replaced_by_another(database: TestDatabase) {
    let conn = &mut connect(&database);
    for prefix in prefixes() {
        schema::up(conn, &prefix).expect("up");
        let write = |conn: &mut AnyConnection, row| upsert::executions(conn, &prefix, &[row], None).expect("a write");
        write(conn, observed("a", "running", Tracking::Following));
        let result = Some(r#"{"output":1}"#.to_owned());
        write(conn, Observed { result: result.clone(), ..observed("a", "succeeded", Tracking::Done) });
        for late in [observed("a", "running", Tracking::Following), observed("a", "failed", Tracking::Done)] {
            write(conn, Observed { result: Some("{}".to_owned()), ..late });
            let row = read(conn, &prefix, "a");
            assert_eq!((row.outcome.status.as_deref(), row.outcome.tracking), (Some("succeeded"), Tracking::Done));
            assert_eq!(row.result, result);
        }
        // The same status again, with a result that was left out of the answer: nothing is erased.
        write(conn, observed("a", "succeeded", Tracking::Done));
        assert_eq!(read(conn, &prefix, "a").result, result);
        write(conn, Observed::gone("a", None));
        assert_eq!(read(conn, &prefix, "a").outcome.tracking, Tracking::Done);
    }
}

async fn executions_are_marked_gone_or_overdue_until_stackstorm_shows_them_again(database: TestDatabase) {
    let conn = &mut connect(&database);
    let prefix = TablePrefix::default();
    schema::up(conn, &prefix).expect("up");
    let old = chrono::DateTime::from_timestamp(1_700_000_000, 0).expect("a time").naive_utc();
    let running = |id| Observed { start_timestamp: Some(old), ..observed(id, "running", Tracking::Following) };
    let rows = [running("a"), running("b"), observed("c", "paused", Tracking::Following)];
    upsert::executions(conn, &prefix, &rows, None).expect("a write");
    let deadline = chrono::TimeDelta::hours(1);
    let mut marked = tracking::mark_overdue(conn, &prefix, deadline).expect("the marks");
    marked.sort();
    assert_eq!(marked, ["a", "b"]);
    assert_eq!(tracking::mark_overdue(conn, &prefix, deadline).expect("once"), [""; 0]);
    upsert::executions(conn, &prefix, &[running("a"), Observed::gone("b", None)], None).expect("a write");
    assert_eq!(read(conn, &prefix, "a").outcome.tracking, Tracking::Overdue);
    let gone = read(conn, &prefix, "b").outcome;
    assert_eq!((gone.tracking, gone.status.as_deref()), (Tracking::Gone, Some("running")));
    upsert::executions(conn, &prefix, &[observed("b", "failed", Tracking::Done)], None).expect("a write");
    assert_eq!(read(conn, &prefix, "b").outcome.status.as_deref(), Some("failed"));
    let unfinished: Vec<_> = tracking::unfinished(conn, &prefix).expect("rows").into_iter().map(|row| row.id).collect();
    assert_eq!(unfinished.len(), 2, "{unfinished:?}");
}

async fn a_catalog_becomes_what_stackstorm_lists(database: TestDatabase) {
    let conn = &mut connect(&database);
    let prefix: TablePrefix = "st2_".parse().expect("a prefix");
    schema::up(conn, &prefix).expect("up");
    let text = |text: &str| Field::Text(Some(text.to_owned()));
    let rule = |id: &str, name: &str| Listed {
        id: id.to_owned(),
        columns: vec![
            text(name),
            text("remediation"),
            Field::Text(None),
            Field::Flag(true),
            text("{}"),
            text("{}"),
            text("{}"),
            text("[]"),
        ],
    };
    catalog::replace(conn, &prefix, Catalog::Rules, &[rule("1", "one"), rule("2", "two")]).expect("two");
    catalog::replace(conn, &prefix, Catalog::Rules, &[rule("2", "renamed")]).expect("one");
    assert_eq!(database.lines("SELECT name AS value FROM st2_rule_db"), ["renamed"]);
}

async fn reads_say_that_the_tables_are_not_there_and_are_no_error(database: TestDatabase) {
    let store = Database::new(DatabaseUrl::parse(&database.url()).expect("a URL"), 1);
    let tables = St2Tables { store, prefix: TablePrefix::default() };
    let found = tables.executions(vec!["a".to_owned()]).await;
    let Found::NotThere(why) = found else { panic!("{found:?}") };
    assert!(why.contains("execution_db") && why.contains("poundcake migrate up"), "{why}");
}

#[tokio::test]
async fn without_the_right_to_make_tables_migrate_says_what_to_grant_or_to_run() {
    let (ours, theirs) = (TestDatabase::mariadb(), TestDatabase::mariadb());
    let TestDatabase::MariaDb { name, .. } = &theirs else { unreachable!() };
    let migrate = Process::poundcake("migrate")
        .argument("up")
        .variable("DATABASE_URL", ours.owner_url())
        .variable("ST2_DATABASE_URL", theirs.url())
        .variable("ST2_TABLE_PREFIX", "st2_");
    let (status, output, error) = migrate.run().await;
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(output.contains("the schema is up to date ("), "{output}");
    assert!(error.contains(&format!("GRANT SELECT, INSERT, CREATE, DROP ON `{name}`.* TO '{name}'@'%';")), "{error}");

    // What it prints, run by a user with the right, is all that is needed.
    let sql = error.split("a user with this right run:").nth(1).expect("statements").split("The tracker's user").next();
    let mut url = Services::shared().database.clone();
    url.set_path(name);
    let mut admin = MysqlConnection::establish(url.as_str()).expect("the administrator");
    for statement in sql.expect("statements").split(";\n").filter(|statement| !statement.trim().is_empty()) {
        sql_query(statement).execute(&mut admin).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    let (status, output, error) = migrate.run().await;
    assert!(status.success(), "{output} {error}");
    assert!(output.contains("StackStorm's tables are up to date (0 applied now)"), "{output}");
}

async fn tables_of_that_name_that_somebody_else_made_are_left_alone(database: TestDatabase) {
    database.execute("CREATE TABLE execution_db (id INT, note VARCHAR(20))");
    let migrate = Process::poundcake("migrate").argument("up").variable("DATABASE_URL", database.owner_url());
    let (status, _, error) = migrate.run().await;
    assert_eq!(status.code(), Some(1), "{error}");
    assert!(error.contains("execution_db exists") && error.contains("ST2_TABLE_PREFIX"), "{error}");
    let (status, _, error) = migrate.variable("ST2_TABLE_PREFIX", "st2_").run().await;
    assert!(status.success(), "{error}");
}
