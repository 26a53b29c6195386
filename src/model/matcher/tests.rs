//! Matchers as operators write them.

mod as_alertmanager;

use super::*;
use proptest::prelude::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn matches(text: &str, pairs: &[(&str, &str)]) -> bool {
    Matchers::parse(text).unwrap().matches(&labels(pairs))
}

fn problem(text: &str) -> String {
    Matchers::parse(text).unwrap_err().to_string()
}

#[test]
fn each_operator_does_what_it_says() {
    let host_down = [("alertname", "HostDown"), ("severity", "critical")];
    for yes in ["alertname=\"HostDown\"", "severity=~\"critical|page\"", "severity!=\"page\"", "severity!~\"c|page\""] {
        assert!(matches(yes, &host_down), "{yes}");
    }
    for no in ["alertname=\"Host\"", "severity=~\"crit\"", "severity!=\"critical\"", "severity!~\"crit.*\""] {
        assert!(!matches(no, &host_down), "{no}");
    }
}

#[test]
fn a_regular_expression_must_match_the_whole_value() {
    assert!(!matches("a=~\"b|c\"", &[("a", "xb")]));
    assert!(!matches("a=~\"b|c\"", &[("a", "cx")]));
    assert!(!matches("a=~\"b\"", &[("a", "b\n")]));
    assert!(problem("a=~\"(b\"").contains("character 4: bad regular expression: a ( is never closed"));
    assert!(problem(r#"a=~"\pL{1000}""#).contains("compiled; repeat less"));
}

#[test]
fn a_missing_label_is_empty() {
    assert!(matches("team=\"\"", &[]));
    assert!(matches("team!=\"db\"", &[]));
    assert!(matches("team=~\".*\"", &[]));
    assert!(!matches("team=~\".+\"", &[]));
}

#[test]
fn lists_hold_together_in_any_spelling() {
    for text in
        ["a=\"1\",b=\"2\"", "{a=\"1\", b=\"2\"}", " { a = \"1\" , b=~2, } ", "a=1, b!~[^2]", "{\"a\"=1,b=\"2\",}"]
    {
        assert!(matches(text, &[("a", "1"), ("b", "2")]), "{text}");
        assert!(!matches(text, &[("a", "1"), ("b", "3")]), "{text}");
    }
}

#[test]
fn names_and_values_may_be_anything_in_quotes() {
    assert!(matches(r#""k8s.pod"="a,b}""#, &[("k8s.pod", "a,b}")]));
    assert!(matches(r#"a="say \"hi\" \\ \n""#, &[("a", "say \"hi\" \\ \n")]));
    assert!(matches(r#"a=~"web\d+\.example""#, &[("a", "web01.example")]));
    assert!(matches(r#"a=~"web\\d+""#, &[("a", "web01")]));
    assert!(matches("zürich=\"ü\"", &[("zürich", "ü")]));
}

#[test]
fn no_matchers_hold_always() {
    for text in ["", " ", "{}"] {
        assert!(Matchers::parse(text).unwrap().is_empty());
        assert!(matches(text, &[]));
    }
}

#[test]
fn an_error_names_the_place_and_what_to_write() {
    assert_eq!(
        problem("alertname"),
        "matcher \"alertname\", character 10: expected =, !=, =~ or !~; write name=\"value\""
    );
    assert!(problem("=x").contains("character 1: expected a label's name"));
    assert!(problem("ü=").contains("character 3: expected a value"));
    assert!(problem("\"a\"=b c").contains("character 7: expected a comma"));
    assert!(problem("{\"a\"=b").contains("character 7: expected , or }"));
    assert!(problem("\"a\"=b}").contains("character 6: expected a comma"));
    assert!(problem("a=\"b").contains("character 3: a quote opens here and never closes"));
    assert!(problem("a=b,,c=d").contains("character 5: expected a label's name"));
    assert!(problem("a==\"b\"").contains("character 3: expected a value"));
    assert!(problem(r#""a"=~"\d""#).contains("character 7: an escape in quotes that Go does not know"));
    assert!(problem(r#"a=~"\d(""#).contains("character 4: bad regular expression: a ( is never closed"));
}

#[test]
fn they_are_read_from_a_string_or_a_list() {
    let text: Matchers = serde_json::from_str(r#""a=1,b=2""#).unwrap();
    let list: Matchers = serde_json::from_str(r#"["a=1","b=2"]"#).unwrap();
    assert_eq!(text, list);
    let error = serde_json::from_str::<Matchers>(r#"["a"]"#).unwrap_err().to_string();
    assert!(error.contains("write name="), "{error}");
    let error = serde_json::from_str::<Matchers>("{}").unwrap_err().to_string();
    assert!(error.contains("expected matchers"), "{error}");
}

proptest! {
    #[test]
    fn displayed_values_can_be_parsed_again(label in ".{1,8}", value in ".{0,12}", operator in 0..2_usize) {
        let operator = [Operator::Equal, Operator::NotEqual][operator];
        let matchers = Matchers(vec![Matcher::new(label, operator, value).unwrap()]);
        prop_assert_eq!(Matchers::parse(&matchers.to_string()).unwrap(), matchers);
    }

    #[test]
    fn no_text_makes_it_panic(text in r#"[{}!=~,\\"a-cü .|*(]{0,24}"#) {
        let _ = Matchers::parse(&text);
    }
}
