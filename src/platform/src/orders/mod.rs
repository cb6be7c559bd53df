//! Orders in Postgres: each stored, changed and read by one statement, as one document with its items.

mod change;
mod due;
mod event;
mod export;
mod feedback;
mod items;
mod list;
mod place;

use domain::{Order, OrderId};

use crate::{
    Database, DbError,
    database::{documents, optional_document},
};

pub use change::{Changed, assign, set_status, take_step};
pub use due::come_due;
pub use event::{Event, events_after, history, latest_location, report_location};
pub use export::{Export, Format, exported_columns};
pub use feedback::{Feedback, feedback_of, rate};
pub use items::{Revision, enter_difference, revise};
pub use list::{Filter, list};
pub use place::{Draft, Placed, Source, place};

/// Selects rows of `orders` that a statement has just written as documents. Those that stand there are read by the view
/// `order_documents`, which has the same columns.
macro_rules! documents_of {
    ($orders:literal) => {
        concat!(
            "select row_to_json(d)::text from (
                select id, user_id, delivery_partner_id, total_amount, delivery_fee, status, delivery_address,
                    delivery_latitude, delivery_longitude, estimated_delivery_time, delivered_at, cancelled_at,
                    scheduled_for, created_at, updated_at, version, item_list as items
                from ",
            $orders,
            ") d"
        )
    };
}
pub(crate) use documents_of;

/// Selects an order as a document, by a function of migration 0024: its plan is kept. Also what a bare
/// component runs to see what reading an order costs at least.
pub const FIND: &str = "select order_document($1)";

/// The order of that id.
pub async fn find(db: &Database, id: OrderId) -> Result<Option<Order>, DbError> {
    optional_document(&db.idempotent(FIND, &[id.get().into()]).await?)
}

/// Those of the orders that exist.
pub async fn find_many(db: &Database, ids: &[OrderId]) -> Result<Vec<Order>, DbError> {
    let statement = "select row_to_json(d)::text from order_documents d where id = any($1::int4[])";
    let ids: Vec<i32> = ids.iter().map(|id| id.get()).collect();
    documents(&db.idempotent(statement, &[ids.into()]).await?)
}
