//! What happened to an order.

use platform::orders;

use super::visible;
use crate::{call::Call, reply::Reply, router::Answer};

/// `GET /orders/{order_id}/history`: every event, oldest first.
pub async fn get(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let order = visible(call, app, actor).await?;
    Ok(Reply::ok(&orders::history(&app.db, &order).await?))
}
