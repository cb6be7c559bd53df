//! Placing orders.

use chrono::{DateTime, Utc};
use domain::{Delivery, Invalid, Schedule, ScheduledDelivery, Status};
use http::StatusCode;
use platform::orders::Placed;
use serde_json::Value;
use spin_sdk::wasip3::spawn;

use super::{answer, entry};
use crate::{
    call::Call,
    placing::{self, Placement, Placing},
    problem::Problem,
    reply::Reply,
    router::Answer,
};

/// `POST /orders`: the customer's cart becomes an order.
pub async fn create(call: &Call) -> Answer {
    if let Some(answer) = placed_before(call).await? {
        return Ok(answer);
    }
    let delivery = delivery(call, Delivery::parse)?;
    place(call, &delivery).await
}

/// `POST /orders/scheduled`: the same for a time to come, which is required here.
pub async fn schedule(call: &Call) -> Answer {
    if let Some(answer) = placed_before(call).await? {
        return Ok(answer);
    }
    let delivery = delivery(call, ScheduledDelivery::parse)?;
    place(call, &delivery).await
}

/// The delivery that the body asks for.
pub fn delivery(
    call: &Call,
    parse: impl FnOnce(&Value, Schedule, DateTime<Utc>) -> Result<Delivery, Vec<Invalid>>,
) -> Result<Delivery, Problem> {
    let app = call.app()?;
    call.actor()?;
    parse(&call.json()?, app.schedule, call.now).map_err(Problem::invalid)
}

/// Answers with the order that an earlier try of this request placed, whatever would be decided now.
pub async fn placed_before(call: &Call) -> Result<Option<Reply>, Problem> {
    let (Some(claim), Some(Placed { order, .. })) = (&call.claim, call.recorded()?) else { return Ok(None) };
    let placement = placing::placed_before(call.app()?, order, claim, &call.trace).await?;
    placed(call, &placement).map(Some)
}

/// What placing an order takes from its request.
pub fn placing<'a>(call: &'a Call, delivery: &'a Delivery) -> Result<Placing<'a>, Problem> {
    let (app, author) = (call.app()?, call.author()?);
    Ok(Placing { app, author, delivery, claim: call.claim.as_ref(), now: call.now })
}

async fn place(call: &Call, delivery: &Delivery) -> Answer {
    placed(call, &placing(call, delivery)?.order_cart().await?)
}

/// Answers with an order that has just been placed.
pub fn placed(call: &Call, Placement { order, products }: &Placement) -> Answer {
    spawn(call.app()?.nudge());
    // 202: the payment's outcome isn't known yet.
    let status = if order.status == Status::Pending { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    Ok(answer(call, status, &entry(order, products))?.located(format!("/orders/{}", order.id)))
}
