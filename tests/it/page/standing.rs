//! Whether all is well, on every page; how many alerts each state has; and which guard holds one alert.

use super::{get, page};
use crate::{
    harness::{TestDatabase, on_both_stores},
    http_api::app::{App, settings},
    orders::given::{app, held},
    page::person::Person,
    replay::rows::copy_first,
};
use poundcake::http::{Access, Shown, all_routes};

on_both_stores! {
    async every_page_but_the_first_says_in_one_line_whether_all_is_well,
    async the_states_of_the_list_have_their_numbers_in_the_range_that_is_shown,
    async a_held_alert_shows_the_guards_of_its_route_and_the_one_that_holds_it_first,
}

async fn every_page_but_the_first_says_in_one_line_whether_all_is_well(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let app = app(database, &directory);
    held(&app.database, &["held/rate", "held/rate", "held/cooldown"]);
    let (alice, vera) = (Person::sign_in(&app, "alice").await, Person::sign_in(&app, "vera").await);
    let mut seen = 0;
    for route in all_routes().filter(|route| route.page && route.method == "GET" && route.access != Access::Public) {
        let path = route.path.replace("{id}", "1").replace("{request_id}", crate::replay::rows::REQUEST);
        let (_, text) = alice.get(&path.replace("{st2_execution_id}", "6b0264acac6a4b12e50e28d7")).await;
        let strips = text.matches(r#"<div class="strip hold">"#).count();
        assert_eq!(strips, usize::from(path != "/"), "{path}: {text}");
        seen += strips;
    }
    assert!(seen > 10, "pages were walked");
    for path in ["/", "/alerts", "/alerts/1"] {
        let text = alice.page(path).await;
        let section =
            text.split(r#"id="health""#).nth(1).and_then(|rest| rest.split("</section>").next()).unwrap_or_default();
        let expected =
            ["Database", r#"<span class="st ok">ok</span>"#, "Tracker", r#"<span class="st idle">unknown</span>"#];
        assert!(expected.iter().all(|part| section.contains(part)), "no process has told anything: {path}: {section}");
    }
    let (list, read_only) = (alice.page("/alerts").await, vera.page("/alerts").await);
    for part in ["Holding 3 alerts", "2 by rate", "1 by cooldown"] {
        assert!(list.contains(part) && read_only.contains(part), "{part}: {list}");
    }
    assert!(
        list.contains("Pause everything…") && !read_only.contains("Pause everything…"),
        "an order is for operators"
    );
    let (_, form) = get(&app, "/login").await;
    assert!(!form.contains("Holding"), "who is not signed in is told nothing: {form}");
}

async fn the_states_of_the_list_have_their_numbers_in_the_range_that_is_shown(database: TestDatabase) {
    let many = App::on(database.another());
    held(&many.database, &["failed/rejected"]);
    copy_first(&many.database, 1_100);
    let app = App::on(database);
    held(&app.database, &["failed/rejected", "held/rate", "held/rate"]);
    let chip = |text: &str, status: &str| {
        let link = text.split("<a href=").find(|link| link.contains(&format!(">{status}</span>"))).unwrap().to_owned();
        link.split("<b>").nth(1).map(|rest| rest.split("</b>").next().unwrap().to_owned())
    };
    let all = page(&app, "/alerts?range=all").await;
    assert_eq!((chip(&all, "failed").as_deref(), chip(&all, "held").as_deref()), (Some("1"), Some("2")), "{all}");
    assert_eq!(chip(&all, "skipped").as_deref(), Some("0"));
    let day = page(&app, "/alerts").await;
    assert_eq!(chip(&day, "held").as_deref(), Some("0"), "they are from January");
    let filtered = page(&app, "/alerts?range=all&alert_name=A1").await;
    assert_eq!(chip(&filtered, "held"), None, "counting by another filter could take long");
    assert_eq!(chip(&page(&many, "/alerts?range=all").await, "failed").as_deref(), Some("1000+"));
}

const ROUTES: &str = r#"
guards: {max_in_flight: 100}
routes:
  - name: hosts
    match: 'alertname=~"A.*"'
    action: core.noop
    guards: {max_in_flight: 5, rate: [1/h]}
"#;

async fn a_held_alert_shows_the_guards_of_its_route_and_the_one_that_holds_it_first(database: TestDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("routes.yaml");
    std::fs::write(&file, ROUTES).unwrap();
    let app = App::showing(database, &settings(), Shown { routes: Some(file), ..Shown::default() }).unwrap();
    held(&app.database, &["held/rate", "dispatching", "failed/rejected"]);
    app.database.execute("UPDATE poundcake_alerts SET started_at = CURRENT_TIMESTAMP WHERE id = 2");
    let text = page(&app, "/alerts/1").await;
    for part in ["Its guards now", "1 of 1 in 1 h", "next start about", "1 of 5 places", "1 of 100 places"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.find("1 of 1 in 1 h") < text.find("1 of 5 places"), "rate holds it: {text}");
    assert!(text.contains("It starts by itself when the window allows it.") && text.contains("Expires at"), "{text}");
    let failed = page(&app, "/alerts/3").await;
    assert!(!failed.contains("Its guards now"), "nothing holds it");
    assert!(failed.contains("Correct what the last error names, then replay it."), "{failed}");
}
