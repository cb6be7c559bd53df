//! Rating an order.

use domain::Rating;
use http::StatusCode;
use platform::orders;

use super::visible;
use crate::{call::Call, problem::Problem, reply::Reply, router::Answer};

/// `POST /orders/{order_id}/feedback`: the owner rates it; a second rating replaces the first.
pub async fn submit(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let rating = Rating::parse(&call.json()?).map_err(Problem::invalid)?;
    let order = visible(call).await?;
    order.standing().check_feedback(actor)?;
    let feedback = orders::rate(&app.db, order.id, &rating, call.claim.as_ref()).await?;
    Ok(Reply::json(StatusCode::CREATED, &feedback).located(format!("/orders/{}/feedback", order.id)))
}

/// `GET /orders/{order_id}/feedback`.
pub async fn get(call: &Call) -> Answer {
    let order = visible(call).await?;
    let feedback = orders::feedback_of(&call.app()?.db, order.id).await?;
    Ok(Reply::ok(&feedback.ok_or_else(|| Problem::not_found("this order has no feedback yet"))?))
}
