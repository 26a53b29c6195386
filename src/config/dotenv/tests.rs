//! What a `.env` file may say.

use super::*;

fn values(text: &str) -> Vec<String> {
    check(text).unwrap();
    dotenvy::from_read_iter(text.as_bytes()).map(|pair| pair.unwrap().1).collect()
}

#[test]
fn a_dollar_is_kept_where_nothing_is_replaced() {
    assert_eq!(values("A='pa$word'"), ["pa$word"]);
    assert_eq!(values("A='mysql://pc:pa$HOME${X}\\$@db/pc'"), ["mysql://pc:pa$HOME${X}\\$@db/pc"]);
    assert_eq!(values("A=pa\\$HOME\nB=\"pa\\$\""), ["pa$HOME", "pa$"]);
    assert_eq!(values("# costs $5\nA=1 # or $2"), ["1"]);
    assert_eq!(values("A=plain\nB=\nC=\"two\nlines\""), ["plain", "", "two\nlines"]);
}

#[test]
fn a_dollar_that_would_be_replaced_is_refused_by_the_variables_name() {
    let table =
        ["A=1\nKEY=pa$word", "KEY=\"pa$word\"", "KEY=pa$", "KEY=$1", "KEY=${HOME}", "KEY=a\\\\$HOME", "KEY=a${b"];
    for text in table {
        let error = check(text).unwrap_err().to_string();
        assert!(error.contains("KEY has a $") && error.contains("single quotes"), "{text}: {error}");
        assert!(!error.contains("word"), "{error}");
    }
}

#[test]
fn a_line_that_cannot_be_read_is_named_by_its_number_and_not_shown() {
    let error = check("A=1\n\nKEY='s3cret").unwrap_err().to_string();
    assert!(error.contains("line 3") && !error.contains("s3cret"), "{error}");
    let error = check("A=1\ns3cret word").unwrap_err().to_string();
    assert!(error.contains("line 2") && !error.contains("s3cret"), "{error}");
}

#[test]
fn no_file_is_fine_and_a_directory_is_not() {
    let directory = tempfile::tempdir().unwrap();
    assert!(load(&directory.path().join(".env")).is_ok());
    assert!(matches!(load(directory.path()), Err(DotenvError::Unreadable(_))));
}
