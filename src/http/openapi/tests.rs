//! Compares the document with the program.

use super::{merge, whole};
use crate::{
    http::{Access, RouteInfo, alerts, all_routes, executions, orders, query::PAGING, requests, stats},
    model::status::{AlertStatus, DispatchReason, DispatchStatus},
    stackstorm::ExecutionStatus,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The operator page is for people and is no part of the API.
fn api() -> impl Iterator<Item = &'static RouteInfo> {
    all_routes().filter(|route| !route.page)
}

fn operation<'d>(document: &'d Value, path: &str, method: &str) -> &'d Value {
    &document["paths"][path][method.to_ascii_lowercase()]
}

/// The names of an operation's parameters, references followed.
fn parameters(document: &Value, path: &str, place: &str) -> BTreeSet<String> {
    parameters_of(document, path, "GET", place)
}

fn parameters_of(document: &Value, path: &str, method: &str, place: &str) -> BTreeSet<String> {
    let listed = operation(document, path, method)["parameters"].as_array().unwrap();
    let resolved = listed.iter().map(|parameter| match parameter["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => parameter,
    });
    resolved.filter(|found| found["in"] == place).map(|found| found["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let document = whole().unwrap();
    let of_table: BTreeSet<(String, String)> =
        api().map(|route| (route.path.to_owned(), route.method.to_ascii_lowercase())).collect();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone())))
        .collect();
    assert_eq!(described, of_table);
}

#[test]
fn routes_that_need_a_token_say_so() {
    let document = whole().unwrap();
    for route in api() {
        let operation = operation(&document, route.path, route.method);
        let needs = !operation["security"].as_array().unwrap().is_empty();
        assert_eq!(needs, route.access != Access::Public, "{}", route.path);
        let refusals = ["401", "403"].map(|status| operation["responses"].get(status).is_some());
        let can_be_refused = matches!(route.access, Access::Viewer | Access::Operator);
        assert_eq!(refusals, [needs, can_be_refused], "{}", route.path);
    }
}

#[test]
fn the_parameters_are_those_that_the_handlers_read() {
    let document = whole().unwrap();
    let lists = [
        ("/api/v1/requests", requests::PARAMETERS, PAGING),
        ("/api/v1/alerts", alerts::PARAMETERS, PAGING),
        ("/api/v1/executions", executions::PARAMETERS, PAGING),
        ("/api/v1/orders", orders::PARAMETERS, PAGING),
        ("/api/v1/stats", stats::PARAMETERS, &[]),
    ];
    for (path, own, paging) in lists {
        let read: BTreeSet<String> = own.iter().chain(paging).map(|name| (*name).to_owned()).collect();
        assert_eq!(parameters(&document, path, "query"), read, "{path}");
    }
    for route in api().filter(|route| route.path.contains('{')) {
        let name = route.path.split(['{', '}']).nth(1).unwrap().to_owned();
        assert_eq!(parameters_of(&document, route.path, route.method, "path"), BTreeSet::from([name]));
    }
}

#[test]
fn the_words_are_those_that_rows_can_have() {
    let document = whole().unwrap();
    let words = |schema: &str| document["components"]["schemas"][schema]["enum"].clone();
    assert_eq!(words("DispatchStatus"), json!(DispatchStatus::ALL));
    assert_eq!(words("DispatchReason"), json!(DispatchReason::ALL));
    assert_eq!(words("AlertStatus"), json!(AlertStatus::ALL));
    assert_eq!(words("ExecutionStatus"), json!(ExecutionStatus::ALL));
}

#[test]
fn every_reference_leads_somewhere() {
    let document = whole().unwrap();
    let text = document.to_string();
    let references: BTreeSet<&str> =
        text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.len() > 20);
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[test]
fn parts_are_merged_member_by_member() {
    let mut into = json!({ "a": { "b": 1 }, "c": [1] });
    merge(&mut into, json!({ "a": { "d": 2 }, "c": [2] }));
    assert_eq!(into, json!({ "a": { "b": 1, "d": 2 }, "c": [2] }));
}
