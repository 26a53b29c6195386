//! The audit log: orders of operators, newest first.

use super::{History, HistoryError, cursor::List, listing::Listing};
use crate::{
    database::page::{Page, Window},
    store::read::{self, OrderFilter, OrderRow},
};

impl History {
    /// A page of orders.
    pub async fn orders(&self, filter: OrderFilter, window: Window) -> Result<Listing<OrderRow>, HistoryError> {
        let Page { rows, next } = self.ours(move |conn| read::orders(conn, &filter, window)).await?;
        Ok(Listing { list: List::Orders, rows, next, execution_db: None })
    }
}
