//! Alert text that StackStorm must not render.

use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn every_marker_is_broken_also_where_they_overlap() {
    for (text, broken) in [
        ("{{ 6*7 }}", "{ { 6*7 }}"),
        ("{% raw %}{# c #}<% 1 %>", "{ % raw %}{ # c #}< % 1 %>"),
        ("{{{", "{ { { "),
        ("{{%", "{ { %"),
        ("<<%", "<< %"),
        ("a { b < c", "a { b < c"),
        ("load <", "load < "),
        ("", ""),
    ] {
        assert_eq!(break_markers(text), broken);
    }
}

#[test]
fn names_and_nested_values_are_broken_too() {
    let value = json!({"{{x}}": ["<%", {"a": "{%"}], "n": 1});
    let broken = json!({"{ {x}}": ["< %", {"a": "{ %"}], "n": 1});
    assert_eq!(disarm("labels", value, TemplateText::Break), Ok(broken));
}

#[test]
fn reject_names_the_parameter() {
    for value in [json!("{{"), json!({"{#": 1}), json!([["<%"]])] {
        let error = disarm("summary", value, TemplateText::Reject).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the alert's text for parameter \"summary\" holds a template marker ({{ {% {# or <%), \
             and POUNDCAKE_TEMPLATE_TEXT=reject"
        );
    }
    assert_eq!(disarm("a", json!("x { y"), TemplateText::Reject), Ok(json!("x { y")));
}

proptest! {
    #[test]
    fn broken_templates_never_contain_a_marker(left in r"[{}%#< aü]{0,12}", right in r"[{}%#< aü]{0,12}") {
        let (left, right) = (break_markers(&left).into_owned(), break_markers(&right).into_owned());
        let joined = [left.as_str(), right.as_str()].concat();
        prop_assert!(!has_marker(&joined));
        prop_assert_eq!(break_markers(&left), left.as_str());
    }

    #[test]
    fn only_spaces_are_added(text in ".{0,20}") {
        prop_assert_eq!(break_markers(&text).replace(' ', ""), text.replace(' ', ""));
    }
}
