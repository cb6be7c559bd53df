//! Placing orders.

use domain::{Actor, Delivery, Invalid, Status};
use http::{HeaderValue, StatusCode, header};
use spin_sdk::wasip3::spawn;

use super::answer;
use crate::{
    App,
    call::Call,
    placing::{Placement, Placing},
    problem::Problem,
    reply::Reply,
    router::Answer,
};

/// `POST /orders`: the customer's cart becomes an order.
pub async fn create(call: &Call) -> Answer {
    let delivery = delivery(call)?;
    place(call, &delivery).await
}

/// `POST /orders/scheduled`: the same for a time to come, which is required here.
pub async fn schedule(call: &Call) -> Answer {
    let delivery = delivery(call)?;
    if delivery.scheduled_for.is_none() {
        let required = Invalid::new("/scheduled_for", "is required here");
        return Err(Problem::invalid(vec![required]));
    }
    place(call, &delivery).await
}

/// The delivery that the body asks for.
pub fn delivery(call: &Call) -> Result<Delivery, Problem> {
    let app = call.app()?;
    call.actor()?;
    Delivery::parse(&call.json()?, app.schedule, call.now).map_err(Problem::invalid)
}

async fn place(call: &Call, delivery: &Delivery) -> Answer {
    let (app, customer) = (call.app()?, call.actor()?);
    let placing = Placing { app, customer: &customer, delivery, trace: &call.trace, now: call.now };
    Ok(placed(call, app, &customer, &placing.order_cart().await?))
}

/// Answers with an order that has just been placed.
pub fn placed(call: &Call, app: &'static App, customer: &Actor, placement: &Placement) -> Reply {
    let Placement { order, products } = placement;
    spawn(app.nudge());
    // 202: the payment's outcome isn't known yet.
    let status = if order.status == Status::Pending { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let location =
        HeaderValue::try_from(format!("/orders/{}", order.id)).expect("digits make a valid header");
    answer(call, app, status, customer, order, products).header(header::LOCATION, location)
}
