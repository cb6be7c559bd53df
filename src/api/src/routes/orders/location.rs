//! Where an order on the road is.

use chrono::{DateTime, Utc};
use domain::{Coordinates, Invalid, Order, OrderId};
use http::header;
use platform::orders::{self, Event};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::visible;
use crate::{
    call::Call,
    changing::{change, release},
    preconditions::etag,
    problem::Problem,
    reply::Reply,
    router::Answer,
};

/// Where an order was when its courier last said so.
#[derive(Serialize, JsonSchema)]
pub struct DeliveryLocation {
    order_id: OrderId,
    latitude: String,
    longitude: String,
    last_updated: DateTime<Utc>,
}

/// `GET /orders/{order_id}/delivery-location`.
pub async fn get(call: &Call) -> Answer {
    let order = visible(call).await?;
    order.standing().check_has_location()?;
    let location = orders::latest_location(&call.app()?.db, order.id).await?;
    let location = location.as_ref().and_then(reported);
    Ok(Reply::ok(&location.ok_or_else(|| Problem::not_found("the courier has not reported a location yet"))?))
}

/// `PUT /orders/{order_id}/delivery-location`: the courier reports where the order is.
pub async fn report(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let place = coordinates(&call.json()?)?;
    let event = change(call, async |order: Order| {
        order.standing().check_report_location(actor)?;
        Ok(orders::report_location(&app.db, &order, &place, call.author()?).await?)
    })
    .await?;
    release(call, Some(event.version));
    let location = DeliveryLocation {
        order_id: event.order_id,
        latitude: place.latitude().to_owned(),
        longitude: place.longitude().to_owned(),
        last_updated: event.created_at,
    };
    Ok(Reply::ok(&location).header(header::ETAG, etag(event.version)))
}

fn coordinates(body: &Value) -> Result<Coordinates, Problem> {
    let missing = || Problem::invalid(["/latitude", "/longitude"].map(|at| Invalid::new(at, "is required")));
    Coordinates::parse(body, ["latitude", "longitude"]).map_err(Problem::invalid)?.ok_or_else(missing)
}

fn reported(event: &Event) -> Option<DeliveryLocation> {
    let data = event.value();
    Some(DeliveryLocation {
        order_id: event.order_id,
        latitude: data["latitude"].as_str()?.to_owned(),
        longitude: data["longitude"].as_str()?.to_owned(),
        last_updated: event.created_at,
    })
}
