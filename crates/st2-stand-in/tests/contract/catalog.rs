//! What is registered: actions, rules, triggers, packs, policies.

use super::{session::Session, shape::Tolerance};

#[tokio::test(flavor = "multi_thread")]
async fn actions_are_shown_as_recorded() {
    let mut session = Session::anywhere();
    session.replay("63b").await;
    for number in ["64a", "64b", "64c"] {
        session.replay(number).await;
    }
    let missing = session.get("/v1/actions/nope.nope").await;
    assert_eq!(
        (missing.status, missing.json["faultstring"].as_str()),
        (404, Some("Resource with a reference or id \"nope.nope\" not found"))
    );
    let pack = session.get("/v1/actions?pack=remediation").await;
    let recorded = super::recording::Recording::numbered("63").response.body_parsed.unwrap();
    for action in recorded.as_array().unwrap() {
        let mut own = pack.json.as_array().unwrap().iter().find(|own| own["ref"] == action["ref"]).unwrap().clone();
        own["id"] = action["id"].clone();
        assert_eq!(&own, action);
    }
    let overview = session.get("/v1/actions/views/overview?limit=2").await;
    assert_eq!(overview.json.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_triggers_policies_and_packs_are_shown_as_recorded() {
    let mut session = Session::anywhere();
    for number in ["61b", "61c", "62", "65", "120b"] {
        session.replay(number).await;
    }
    let pack = Tolerance { lists_by_prefix: true, values: vec!["files"], ..Tolerance::default() };
    let live = session.get("/v1/packs/remediation").await;
    let mut recorded = super::recording::Recording::numbered("66").response;
    // The recorded pack grew after this was recorded.
    recorded.body_parsed.as_mut().unwrap()["files"] = live.json["files"].clone();
    session.hold("66", &recorded, &live, &pack);
    // These lists hold packs that the stand-in has not: what is in both has the same members.
    let some = Tolerance {
        values: vec![
            "ref",
            "uid",
            "name",
            "pack",
            "url",
            "description",
            "metadata_file",
            "type",
            "pattern",
            "X-Total-Count",
            "runners",
            "actions",
            "rules",
            "policies",
        ],
        members: vec!["parameters", "criteria", "url"],
        lists_by_prefix: true,
    };
    for number in ["50", "65b", "120"] {
        session.replay_within(number, &some).await;
    }
    let webhooks = session.get("/v1/webhooks").await.json;
    let ours = webhooks.as_array().unwrap().iter().filter(|hook| hook["parameters"]["url"] == "poundcake_alert");
    assert_eq!(ours.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_prefix_leads_to_the_same_routes() {
    let session = Session::anywhere();
    for path in [
        "/executions",
        "/v1/actionexecutions",
        "/actionexecutions",
        "/api/v1/executions",
        "/api/executions",
        "/v1/executions/",
    ] {
        assert_eq!(session.get(path).await.status, 200, "{path}");
    }
    for path in ["/v2/executions", "/v1/executions/a/b", "/v1/tokens", "/stream"] {
        assert_eq!(session.get(path).await.status, 404, "{path}");
    }
}
