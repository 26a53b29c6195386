//! Accepted and refused tokens, and rotation.

use super::*;
use actix_web::ResponseError;

struct Files {
    directory: tempfile::TempDir,
    auth: Auth,
    metrics: Metrics,
}

fn files() -> Files {
    let directory = tempfile::tempdir().unwrap();
    let (webhook, operator) = (directory.path().join("webhook"), directory.path().join("operator"));
    std::fs::write(&webhook, "# two live at once\n\nam: old-token\nam:new-token\n  other:third:with:colons \n")
        .unwrap();
    std::fs::write(&operator, "alice:operator-token\n").unwrap();
    let metrics = Metrics::new().unwrap();
    let auth = Auth::read(Some(&webhook), Some(&operator), &metrics).unwrap();
    Files { directory, auth, metrics }
}

fn check(auth: &Auth, access: Access, header: &str) -> Result<String, u16> {
    let header = HeaderValue::from_str(header).unwrap();
    match auth.check(access, Some(&header)) {
        Ok(name) => Ok(name.unwrap_or_default()),
        Err(problem) => Err(problem.status_code().as_u16()),
    }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

#[test]
fn several_tokens_live_at_once_as_bearer_or_basic() {
    let Files { auth, directory: _directory, .. } = files();
    for header in ["Bearer old-token", "bearer new-token", &basic("am:old-token"), "BEARER   new-token "] {
        assert_eq!(check(&auth, Access::Webhook, header), Ok("am".to_owned()), "{header}");
    }
    assert_eq!(check(&auth, Access::Webhook, &basic("other:third:with:colons")), Ok("other".to_owned()));
}

#[test]
fn anything_else_is_401() {
    let Files { auth, directory: _directory, .. } = files();
    let long = format!("Bearer {}", "x".repeat(100_000));
    let headers = [
        "Bearer wrong",
        "Bearer old-toke",
        "Bearer old-token2",
        "Bearer ",
        "Bearer",
        "Token old-token",
        "Basic old-token",
        "Basic !!!",
        "old-token",
        "",
        &basic("bob:old-token"),
        &basic(":old-token"),
        &basic("am:"),
        &basic("am:third:with:colons"),
        &basic("am"),
        &long,
    ];
    for header in headers {
        assert_eq!(check(&auth, Access::Webhook, header), Err(401), "{header:.40}");
        assert_eq!(check(&auth, Access::Operator, header), Err(401), "{header:.40}");
    }
    assert!(matches!(auth.check(Access::Operator, None), Err(Problem::NoToken)));
    assert!(matches!(auth.check(Access::Public, None), Ok(None)));
}

#[test]
fn a_token_of_the_other_kind_does_not_get_in() {
    let Files { auth, directory: _directory, .. } = files();
    assert_eq!(check(&auth, Access::Operator, "Bearer operator-token"), Ok("alice".to_owned()));
    assert_eq!(check(&auth, Access::Operator, "Bearer old-token"), Err(403));
    assert_eq!(check(&auth, Access::Webhook, "Bearer operator-token"), Err(401));
}

#[test]
fn a_rotation_takes_effect_and_a_broken_file_does_not() {
    let Files { auth, directory, metrics } = files();
    let unusable = metrics.unusable_files.with_label_values(&["webhook_tokens"]);
    let path = directory.path().join("webhook");
    for broken in ["", "# nothing\n", "no colon\n", "am:new\nbad line\n", ":x\n", "x:\n", "a b:c\n"] {
        std::fs::write(&path, broken).unwrap();
        auth.webhook.as_ref().unwrap().forget();
        assert_eq!(check(&auth, Access::Webhook, "Bearer old-token"), Ok("am".to_owned()), "{broken:?}");
        assert_eq!(unusable.get(), 1, "{broken:?}");
    }
    std::fs::remove_file(&path).unwrap();
    auth.webhook.as_ref().unwrap().forget();
    assert_eq!(check(&auth, Access::Webhook, "Bearer old-token"), Ok("am".to_owned()));
    std::fs::write(&path, "am:brand-new\n").unwrap();
    auth.webhook.as_ref().unwrap().forget();
    assert_eq!(check(&auth, Access::Webhook, "Bearer old-token"), Err(401));
    assert_eq!(check(&auth, Access::Webhook, "Bearer brand-new"), Ok("am".to_owned()));
    assert_eq!(unusable.get(), 0);
}

#[test]
fn a_file_that_cannot_be_used_is_an_error_at_start_that_names_it_and_not_its_content() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens");
    let refused = |expected: &str| {
        let error = Auth::read(None, Some(&path), &Metrics::new().unwrap()).err().unwrap().to_string();
        assert!(error.contains("POUNDCAKE_OPERATOR_TOKENS_FILE") && error.contains(path.to_str().unwrap()), "{error}");
        assert!(error.contains(expected) && !error.contains("s3cret"), "{error}");
    };
    refused("cannot be read");
    std::fs::write(&path, "\n# a:b\n").unwrap();
    refused("no tokens");
    std::fs::write(&path, "a:b\n\ns3cret\n").unwrap();
    refused("line 3");
}

#[test]
fn without_files_everything_is_open() {
    assert!(matches!(Auth::open().check(Access::Operator, None), Ok(None)));
    assert!(matches!(Auth::open().check(Access::Webhook, None), Ok(None)));
}

#[test]
fn a_viewer_reads_and_gives_no_orders() {
    let directory = tempfile::tempdir().unwrap();
    let operator = directory.path().join("operator");
    std::fs::write(&operator, "vera:view-token:viewer\nolga:order-token:operator\ncarl:co:lons\n").unwrap();
    let metrics = Metrics::new().unwrap();
    let auth = Auth::read(None, Some(&operator), &metrics).unwrap();
    for (token, name) in [("view-token", "vera"), ("order-token", "olga"), ("co:lons", "carl")] {
        assert_eq!(check(&auth, Access::Viewer, &format!("Bearer {token}")), Ok(name.to_owned()));
    }
    assert_eq!(check(&auth, Access::Operator, "Bearer view-token"), Err(403));
    assert_eq!(check(&auth, Access::Operator, "Bearer order-token"), Ok("olga".to_owned()));
    assert_eq!(check(&auth, Access::Operator, "Bearer co:lons"), Ok("carl".to_owned()), "a colon is part of a token");
    assert_eq!(check(&auth, Access::Viewer, "Bearer view-token:viewer"), Err(401), "a role is no part of a token");
}

#[test]
fn senders_of_webhooks_have_no_roles() {
    let directory = tempfile::tempdir().unwrap();
    let webhook = directory.path().join("webhook");
    std::fs::write(&webhook, "am:token:viewer\n").unwrap();
    let metrics = Metrics::new().unwrap();
    let auth = Auth::read(Some(&webhook), None, &metrics).unwrap();
    assert_eq!(check(&auth, Access::Webhook, "Bearer token:viewer"), Ok("am".to_owned()));
    assert_eq!(check(&auth, Access::Webhook, "Bearer token"), Err(401));
}
