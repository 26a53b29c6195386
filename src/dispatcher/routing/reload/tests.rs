//! A routes file that changes on disk.

use super::*;

const THREE_ROUTES: &str =
    "routes: [{match: a=b, action: core.noop}, {match: c=d, webhook: disk/full}, {action: core.noop}]";

#[test]
fn a_changed_file_is_read_again_and_an_invalid_one_keeps_the_old_table() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("routes.yaml");
    fs::write(&path, "routes: []").unwrap();
    let file = RoutesFile::open(&path).unwrap();
    assert_eq!(file.refresh(), Refresh::Unchanged);

    fs::write(&path, THREE_ROUTES).unwrap();
    assert_eq!(file.refresh(), Refresh::Loaded);
    assert_eq!(file.table().routes().len(), 3);

    fs::write(&path, "routes: 5 # no list").unwrap();
    assert!(matches!(file.refresh(), Refresh::Kept(RoutesError::Form(_))));
    assert_eq!(file.refresh(), Refresh::Unchanged);
    assert_eq!(file.table().routes().len(), 3);
    assert!(file.last_error().is_some());

    fs::remove_file(&path).unwrap();
    assert!(matches!(file.refresh(), Refresh::Kept(RoutesError::Unreadable { .. })));
    assert_eq!(file.refresh(), Refresh::Unchanged);

    fs::write(&path, "routes: [{action: core.noop}]").unwrap();
    assert_eq!(file.refresh(), Refresh::Loaded);
    assert_eq!((file.table().routes().len(), file.last_error()), (1, None));
}

#[test]
fn a_change_that_keeps_time_and_size_is_seen_and_a_new_time_alone_is_no_change() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("routes.yaml");
    let at = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
    let write = |action: &str, at| {
        fs::write(&path, format!("routes: [{{action: core.{action}}}]")).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
    };
    write("noop", at);
    let file = RoutesFile::open(&path).unwrap();
    write("echo", at);
    assert_eq!(file.refresh(), Refresh::Loaded);
    assert_eq!(file.table().routes()[0].target.to_string(), "action:core.echo");
    write("echo", at + std::time::Duration::from_secs(1));
    assert_eq!(file.refresh(), Refresh::Unchanged);
}

#[test]
fn a_file_that_is_invalid_from_the_start_is_refused() {
    let missing = RoutesFile::open(std::path::Path::new("/nonexistent/routes.yaml")).unwrap_err();
    assert!(missing.to_string().starts_with("routes file /nonexistent/routes.yaml: No such file"));
}
