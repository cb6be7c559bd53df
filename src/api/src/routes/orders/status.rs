//! The way of an order through its states: by staff, and by the customer's own requests.

use std::slice;

use domain::{Actor, Order, Status, Step, TEXT, optional_text};
use http::header;
use platform::{orders, orders::Changed};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use spin_sdk::wasip3::spawn;

use super::{show, show_again};
use crate::{
    call::{Call, status},
    changing::{change, release},
    problem::Problem,
    reply::Reply,
    router::Answer,
};

const MAX_REASON: usize = 1_000;

/// The status that an order shall have.
#[derive(JsonSchema)]
#[schemars(rename = "OrderStatusUpdate")]
pub struct StatusUpdate {
    status: Status,
}

/// Why an order is given back.
#[derive(JsonSchema)]
pub struct ReturnRequest {
    #[schemars(length(max = MAX_REASON), regex(pattern = TEXT))]
    reason: Option<String>,
}

/// The order is given up.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CancelResponse")]
pub struct Cancellation {
    success: bool,
    message: &'static str,
    /// Whether there was money to return.
    refund_initiated: bool,
}

impl StatusUpdate {
    fn read(call: &Call) -> Result<Self, Problem> {
        Ok(Self { status: status(&call.json()?).map_err(Problem::invalid)? })
    }
}

impl ReturnRequest {
    /// Nothing at all is a request without a reason.
    fn read(call: &Call) -> Result<Self, Problem> {
        let body = if call.body.is_empty() { Value::Null } else { call.json()? };
        let reason = optional_text("/reason", &body["reason"], MAX_REASON);
        Ok(Self { reason: reason.map_err(Problem::invalid)? })
    }
}

/// `PUT /orders/{order_id}/status`: an admin or the order's courier takes it a step further.
pub async fn update(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.staff()?);
    let StatusUpdate { status: to } = StatusUpdate::read(call)?;
    let order = match take(call, actor, to).await? {
        Some(order) => order,
        None => decide(call, to).await?,
    };
    spawn(app.nudge());
    show(call, &order).await
}

/// Takes the step without reading the order first, as most can be; none when it couldn't, and why is to be found out.
async fn take(call: &Call, actor: &Actor, to: Status) -> Result<Option<Order>, Problem> {
    let from = to.origins(actor.role);
    if from.is_empty() || call.headers.contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    let app = call.app()?;
    let (id, courier) = (call.order_id()?, (!actor.is_admin()).then_some(&actor.id));
    app.order_cache.hold(&app.redis, slice::from_ref(&id), Some(call.writer())).await;
    Ok(orders::take_step(&app.db, id, (&from, courier), to, call.author()?).await?)
}

/// Reads the order, and takes the step where it can be taken after all.
async fn decide(call: &Call, to: Status) -> Result<Order, Problem> {
    let actor = call.actor()?;
    change(call, async |order: Order| match order.standing().check_step(actor, to)? {
        Step::Unchanged => Ok(Some(order)),
        Step::Taken => Ok(store(call, order, to, &json!({})).await?.map(|changed| changed.order)),
    })
    .await
}

/// `POST /orders/{order_id}/cancel`: the owner or an admin gives it up; what was paid goes back.
pub async fn cancel(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let changed = match call.recorded()? {
        Some(changed) => changed,
        None => {
            change(call, async |order: Order| {
                order.standing().check_cancel(actor)?;
                store(call, order, Status::Cancelled, &json!({})).await
            })
            .await?
        }
    };
    release(call, Some(changed.order.version));
    spawn(app.nudge());
    Ok(Reply::ok(&Cancellation {
        success: true,
        message: "Order cancelled successfully",
        refund_initiated: changed.refund_initiated,
    }))
}

/// `POST /orders/{order_id}/request-return`: the owner wants to give a delivered order back.
pub async fn request_return(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let ReturnRequest { reason } = ReturnRequest::read(call)?;
    if let Some(Changed { order, .. }) = call.recorded()? {
        spawn(app.nudge());
        return show_again(call, &order).await;
    }
    let changed = change(call, async |order: Order| {
        order.standing().check_return(actor, call.now, app.return_window)?;
        store(call, order, Status::ReturnRequested, &json!({ "reason": reason })).await
    })
    .await?;
    spawn(app.nudge());
    show(call, &changed.order).await
}

async fn store(call: &Call, order: Order, to: Status, data: &Value) -> Result<Option<Changed>, Problem> {
    let (db, claim) = (&call.app()?.db, call.claim.as_ref());
    Ok(orders::set_status(db, &[order], to, data, claim, call.author()?).await?.pop())
}
