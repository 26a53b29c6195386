//! Matchers, held to tables that Go's `regexp` and Alertmanager's own two parsers wrote (tests/recordings/matchers).

use super::*;

const EXPRESSIONS: &str = include_str!("../../../../tests/recordings/matchers/expressions.jsonl");
const TEXTS: &str = include_str!("../../../../tests/recordings/matchers/texts.jsonl");

fn wrong_expressions(table: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in table.lines() {
        // `null`: Go refuses it.
        let (expression, value, expected): (String, String, Option<bool>) = serde_json::from_str(line).unwrap();
        let ours = whole_value(&expression).map(|regex| regex.is_match(&value));
        if ours.as_ref().ok() != expected.as_ref() {
            wrong.push(format!("{expression:?} on {value:?}: {ours:?}, in Go {expected:?}"));
        }
    }
    wrong
}

/// Name, operator, value.
type Parts = (String, String, String);

fn wrong_texts(table: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in table.lines() {
        let (text, expected): (String, Option<Vec<Parts>>) = serde_json::from_str(line).unwrap();
        let read = |matcher: Matcher| (matcher.label, matcher.operator.as_str().to_owned(), matcher.value);
        let ours = Matchers::parse(&text).map(|matchers| matchers.0.into_iter().map(read).collect::<Vec<_>>());
        if ours.as_ref().ok() != expected.as_ref() {
            wrong.push(format!("{text:?}: {ours:?}, in Alertmanager {expected:?}"));
        }
    }
    wrong
}

#[test]
fn regular_expressions_mean_what_they_mean_in_go() {
    assert_eq!(wrong_expressions(EXPRESSIONS), Vec::<String>::new());
}

#[test]
fn texts_are_read_as_alertmanager_reads_them() {
    assert_eq!(wrong_texts(TEXTS), Vec::<String>::new());
}

/// Alertmanager is built with newer versions of Go than the table.
#[test]
fn syntax_of_newer_go_versions_is_accepted() {
    let newer = r#"["(?<n>a)","a",true]
["\\p{Letter}","ü",true]
["\\p{letter}","1",false]
["\\p{greek}","α",true]
["\\p{Assigned}","a",true]
["\\p{ASCII}","ü",false]
["\\p{LC}","a",true]"#;
    assert_eq!(wrong_expressions(newer), Vec::<String>::new());
}

#[test]
fn groups_nest_deep_but_not_without_end() {
    let nested = |levels: usize| format!("{}a{}", "(b|".repeat(levels), ")+".repeat(levels));
    assert!(whole_value(&nested(99)).unwrap().is_match("bba"));
    assert!(whole_value(&nested(100)).unwrap_err().contains("nested more than 100 deep"));
    assert!(whole_value(&"(".repeat(100_000)).is_err());
}

#[test]
fn a_long_alternation_fits() {
    let names: Vec<String> = (0..10_000).map(|n| format!("host-{n:05}.example")).collect();
    assert!(whole_value(&names.join("|")).unwrap().is_match("host-09999.example"));
}

#[test]
fn a_refusal_says_why() {
    let problem = |expression: &str| whole_value(expression).unwrap_err();
    assert!(problem(r"\C").contains("a label's value is text"));
    assert!(problem(r"(a)\1").contains("backreference"));
    assert!(problem("(?=a)").contains("opens no group that RE2 knows"));
    assert!(problem(r"\p{Foo}").contains("not a Unicode category or script"));
    assert!(problem("a**").contains("follows another one"));
    assert!(problem("a{2,1}").contains("up to 1000"));
}

proptest! {
    #[test]
    fn translated_expressions_compile(expression in r"(\\[a-zA-Z0-9.\-]|\[\^?|\]|\(\??|\)|[a-cü|*+?{},0-9^$:&~i-]){0,12}") {
        let build = |text: String| RegexBuilder::new(&text).size_limit(REGEX_BYTES).nest_limit(REGEX_LEVELS).build();
        if let Some(Err(error)) = re2::translate(&expression).ok().map(build) {
            prop_assert!(matches!(error, regex::Error::CompiledTooBig(_)), "{expression}: {error}");
        }
    }
}
