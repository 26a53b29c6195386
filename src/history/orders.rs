//! The audit log: orders of operators, newest first; and what an order over alerts would meet.

use super::{History, HistoryError, cursor::List, listing::Listing};
use crate::{
    database::page::{Page, Window},
    model::ids::ApiCallId,
    store::{
        operate::{
            filter::{Filter, Move},
            preview::{self, Preview},
        },
        read::{self, OrderFilter, OrderRow},
    },
};

impl History {
    /// A page of orders.
    pub async fn orders(&self, filter: OrderFilter, window: Window) -> Result<Listing<OrderRow>, HistoryError> {
        let Page { rows, next } = self.ours(move |conn| read::orders(conn, &filter, window)).await?;
        Ok(Listing { list: List::Orders, rows, next, execution_db: None })
    }

    /// One order.
    pub async fn order(&self, id: ApiCallId) -> Result<Option<OrderRow>, HistoryError> {
        Ok(self.ours(move |conn| read::order(conn, id)).await?)
    }

    /// How many rows an order over alerts would meet.
    pub async fn preview(&self, filter: Filter, what: Move) -> Result<Preview, HistoryError> {
        Ok(self.ours(move |conn| preview::preview(conn, &filter, what)).await?)
    }
}
