//! What a report looks like, and when doctor fails.

use super::*;

#[test]
fn a_known_fault_outweighs_an_unknown_state() {
    let ok = Finding::ok("a", "b", "c");
    let (note, unknown, wrong) =
        (Finding::note("a", "b", "c"), Finding::unknown("a", "b", "c"), Finding::wrong("a", "b", "c"));
    assert_eq!(verdict(std::slice::from_ref(&ok)), Level::Ok);
    assert_eq!(verdict(&[ok.clone(), note]), Level::Note);
    assert_eq!(verdict(&[unknown.clone(), ok]), Level::Unknown);
    assert_eq!(verdict(&[unknown, wrong]), Level::Wrong);
}

#[test]
fn columns_never_touch() {
    let long = Finding::wrong("stackstorm", "action:remediation.disabled", "disabled").advice("st2 action enable");
    let short = Finding::ok("rows", "failed", "none");
    assert_eq!(
        lines(&[long, short]),
        "WRONG  stackstorm  action:remediation.disabled  disabled\n         do: st2 action enable\n\
         ok     rows        failed                       none\n"
    );
}

#[test]
fn foreign_text_stays_on_its_line() {
    assert_eq!(Finding::ok("a", "b", "x\n\u{1b}[31my").found, "x  [31my");
}
