//! Files of secrets, and what is never shown.

use super::*;

#[test]
fn a_file_is_read_again_each_time_without_its_last_newline() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let secret = Secret::parse("ST2_API_KEY", None, Some(path.clone())).unwrap().unwrap();
    for (content, expected) in
        [("one\n", "one"), ("two\r\n", "two"), ("three\n\n", "three\n"), ("four", "four"), ("\u{FEFF}five\n", "five")]
    {
        std::fs::write(&path, content).unwrap();
        assert_eq!(secret.read().unwrap().expose_secret(), expected);
    }
}

#[test]
fn an_empty_or_missing_file_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let secret = Secret::File(path.clone());
    assert!(secret.read().unwrap_err().to_string().contains(path.to_str().unwrap()));
    std::fs::write(&path, "\n").unwrap();
    assert!(matches!(secret.read(), Err(SecretError::Empty(named)) if named == path));
}

#[test]
fn value_and_file_together_are_refused_and_nothing_is_shown() {
    let both = Secret::parse("ST2_API_KEY", Some("hunter2".to_owned()), Some("/x".into())).unwrap_err();
    assert_eq!(both.to_string(), "ST2_API_KEY and ST2_API_KEY_FILE are both set; set one");
    let value = Secret::parse("ST2_API_KEY", Some("hunter2".to_owned()), None).unwrap();
    assert!(!format!("{value:?}").contains("hunter2"));
    assert!(Secret::parse("ST2_API_KEY", Some(String::new()), None).unwrap().is_none());
}
