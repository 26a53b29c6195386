//! A page as it is answered, over HTTP and in the terminal.

use super::{
    cursor::{self, List},
    st2_rows::TablesState,
};
use crate::database::page::Position;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// A page of a list: `{"<list>": […], "next": …}`, and `execution_db` where executions are in it.
#[derive(Debug, Clone)]
pub struct Listing<T> {
    /// Which list.
    pub list: List,
    /// Newest first.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Position>,
    /// Whether the executions could be read.
    pub execution_db: Option<TablesState>,
}

impl<T> Listing<T> {
    /// `next` as it is handed out.
    pub fn cursor(&self) -> Option<String> {
        Some(cursor::encode(self.list, self.next?))
    }
}

impl<T: Serialize> Serialize for Listing<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.list.word(), &self.rows)?;
        map.serialize_entry("next", &self.cursor())?;
        if let Some(state) = &self.execution_db {
            map.serialize_entry("execution_db", state)?;
        }
        map.end()
    }
}
