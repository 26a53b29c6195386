//! Cursors: nothing is taken but what a list has handed out.

use crate::history::cursor::{List, decode, encode};

pub(super) fn target(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lists = [List::Requests, List::Alerts, List::Executions, List::Orders];
    let taken: Vec<_> = lists.iter().filter_map(|list| Some((*list, decode(*list, &text).ok()?))).collect();
    assert!(taken.len() <= 1, "{text:?} is a cursor of {taken:?}");
    for (list, position) in taken {
        assert!(position.id > 0);
        assert_eq!(encode(list, position), text, "one place has one spelling");
    }
}
