//! Which alerts are the same.

use super::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn identity(ignored: &str, added: &str) -> Identity {
    Identity::new(ignored.parse().unwrap(), added.parse().unwrap()).unwrap()
}

fn sender(receiver: &str, external_url: &str) -> Sender {
    let route_labels = labels(&[("cluster", receiver)]);
    Sender { receiver: receiver.to_owned(), external_url: external_url.to_owned(), route_labels }
}

fn of(identity: &Identity, pairs: &[(&str, &str)], sender: &Sender) -> Fingerprint {
    identity.fingerprint(&labels(pairs), Fingerprint::parse("00000000000000ff"), sender)
}

const DISK: [(&str, &str); 2] = [("alertname", "Disk"), ("instance", "a")];

#[test]
fn by_default_the_senders_fingerprint_is_used() {
    let identity = Identity::default();
    assert_eq!(identity, self::identity("", " , "));
    assert_eq!(of(&identity, &DISK, &sender("r", "u")).as_str(), "00000000000000ff");
    let none = identity.fingerprint(&labels(&DISK), None, &Sender::default());
    assert_eq!(none, Fingerprint::of_labels(&labels(&DISK)));
}

#[test]
fn alerts_that_differ_in_ignored_labels_alone_are_one() {
    let identity = identity("prometheus_replica, prometheus", "");
    let whole = Fingerprint::of_labels(&labels(&DISK));
    for replica in ["p-0", "p-1"] {
        let with = [DISK[0], DISK[1], ("prometheus_replica", replica)];
        assert_eq!(of(&identity, &with, &Sender::default()), whole);
    }
    // Without such a label it is Alertmanager's own fingerprint.
    assert_eq!(of(&identity, &DISK, &Sender::default()), whole);
    assert_ne!(of(&identity, &[("alertname", "Disk"), ("instance", "b")], &Sender::default()), whole);
}

#[test]
fn an_alert_with_only_ignored_labels_is_identified_by_them() {
    let identity = identity("scn", "");
    assert_ne!(of(&identity, &[("scn", "1")], &Sender::default()), of(&identity, &[("scn", "2")], &Sender::default()));
}

#[test]
fn the_sender_tells_equal_labels_apart_where_it_is_added() {
    for added in ["receiver", "externalURL", "routeLabels.cluster"] {
        let identity = identity("", added);
        let (one, other) = (sender("a", "http://a"), sender("b", "http://b"));
        assert_ne!(of(&identity, &DISK, &one), of(&identity, &DISK, &other), "{added}");
        assert_eq!(of(&identity, &DISK, &one), of(&identity, &DISK, &one.clone()));
        let nothing = of(&identity, &DISK, &Sender::default());
        assert_eq!(nothing, Fingerprint::of_labels(&labels(&DISK)), "{added}");
    }
    // A label of the same name and value is something else.
    let identity = identity("", "receiver");
    assert_ne!(
        of(&identity, &[DISK[0], ("receiver", "a")], &Sender::default()),
        of(&identity, &[DISK[0]], &sender("a", ""))
    );
}

#[test]
fn all_labels_may_be_ignored_but_those_that_are_named() {
    let identity = identity("*", "labels.alertname,labels.instance");
    let pod = |name| [DISK[0], DISK[1], ("pod", name)];
    assert_eq!(of(&identity, &pod("x"), &Sender::default()), of(&identity, &pod("y"), &Sender::default()));
    let nothing = Identity::new("*".parse().unwrap(), "receiver".parse().unwrap());
    assert!(nothing.unwrap_err().to_string().contains("POUNDCAKE_IDENTITY_ADD"));
}

#[test]
fn an_impossible_addition_names_the_possible_ones() {
    for bad in ["cluster", "labels.", "externalurl", "annotations.x", "receiver.x"] {
        assert!(bad.parse::<Additions>().unwrap_err().contains("write receiver"), "{bad}");
    }
}
