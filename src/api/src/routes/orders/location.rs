//! Where an order on the road is.

use chrono::{DateTime, Utc};
use domain::{Coordinates, Invalid, Order, OrderId};
use platform::orders::{self, Event};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::visible;
use crate::{call::Call, changing::change, problem::Problem, reply::Reply, router::Answer};

/// Where an order was when its courier last said so.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeliveryLocation")]
pub struct Position<'a> {
    order_id: OrderId,
    latitude: Option<&'a str>,
    longitude: Option<&'a str>,
    last_updated: DateTime<Utc>,
}

/// `GET /orders/{order_id}/delivery-location`.
pub async fn get(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let order = visible(call, app, &actor).await?;
    order.standing().check_on_the_road()?;
    let location = orders::latest_location(&app.db, order.id).await?;
    let location =
        location.ok_or_else(|| Problem::not_found("the courier has not reported a position yet"))?;
    Ok(Reply::ok(&position(&location)))
}

/// `PUT /orders/{order_id}/delivery-location`: the courier reports where the order is.
pub async fn report(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let place = coordinates(&call.json()?)?;
    let event = change(call, app, &actor, async |order: Order| {
        order.standing().check_report(&actor)?;
        Ok(orders::report_location(&app.db, &order, &place, (&actor, &call.trace)).await?.into())
    })
    .await?;
    Ok(Reply::ok(&position(&event)))
}

fn coordinates(body: &Value) -> Result<Coordinates, Problem> {
    let (latitude, longitude) = (("/latitude", &body["latitude"]), ("/longitude", &body["longitude"]));
    let missing = || {
        Problem::invalid(vec![
            Invalid::new("/latitude", "is required"),
            Invalid::new("/longitude", "is required"),
        ])
    };
    Coordinates::parse(latitude, longitude).map_err(Problem::invalid)?.ok_or_else(missing)
}

fn position(event: &Event) -> Position<'_> {
    Position {
        order_id: event.order_id,
        latitude: event.data["latitude"].as_str(),
        longitude: event.data["longitude"].as_str(),
        last_updated: event.created_at,
    }
}
