//! What happened to an order.

use platform::orders;

use super::visible;
use crate::{call::Call, reply::Reply, router::Answer};

/// `GET /orders/{order_id}/history`: every event, oldest first.
pub async fn get(call: &Call) -> Answer {
    let order = visible(call).await?;
    Ok(Reply::ok(&orders::history(&call.app()?.db, &order).await?))
}
