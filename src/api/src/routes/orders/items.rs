//! Changing what an order consists of.

use domain::{Order, order_lines};
use spin_sdk::wasip3::spawn;

use super::show;
use crate::{call::Call, changing::change, problem::Problem, revising::Revising, router::Answer};

/// `PUT /orders/{order_id}/items`: until the order is being prepared.
pub async fn replace(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let lines = order_lines(&call.json()?["items"]).map_err(Problem::invalid)?;
    let revising = Revising { app, actor: &actor, lines: &lines, trace: &call.trace };
    let order = change(call, app, &actor, async |order: Order| revising.run(order).await).await?;
    spawn(app.nudge());
    show(call, app, &actor, &order).await
}
