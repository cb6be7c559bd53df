//! Changing what an order consists of.

use domain::{CartLine, MAX_PRODUCTS, Order, order_lines};
use schemars::JsonSchema;
use spin_sdk::wasip3::spawn;

use super::show;
use crate::{call::Call, changing::change, problem::Problem, revising::Revising, router::Answer};

/// What an order shall consist of.
#[derive(JsonSchema)]
pub struct OrderItemsUpdate {
    /// Each product once.
    #[schemars(length(min = 1, max = MAX_PRODUCTS), extend("uniqueItems" = true))]
    items: Vec<CartLine>,
}

impl OrderItemsUpdate {
    fn read(call: &Call) -> Result<Self, Problem> {
        Ok(Self { items: order_lines(&call.json()?["items"]).map_err(Problem::invalid)? })
    }
}

/// `PUT /orders/{order_id}/items`: until the order is being prepared.
pub async fn replace(call: &Call) -> Answer {
    let (app, author) = (call.app()?, call.author()?);
    let OrderItemsUpdate { items: lines } = OrderItemsUpdate::read(call)?;
    let revising = Revising { app, author, lines: &lines };
    let order = change(call, async |order: Order| revising.run(order).await).await?;
    spawn(app.nudge());
    show(call, &order).await
}
