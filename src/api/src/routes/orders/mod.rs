//! Orders: one module for each thing that can be done with them.

pub mod assignment;
pub mod bulk;
pub mod export;
pub mod feedback;
pub mod history;
pub mod items;
pub mod list;
pub mod location;
pub mod place;
pub mod response;
pub mod status;
pub mod tracking;

use std::slice;

use domain::{Actor, Order};
use http::{StatusCode, header};
use platform::{order_cache::Entry, orders, services::Documents};
use spin_sdk::wasip3::spawn;

use crate::{
    call::{Call, no_such_order},
    preconditions::{etag, is_known},
    problem::Problem,
    reply::Reply,
    router::Answer,
};
use response::OrderDocument;

/// `GET /orders/{order_id}`.
pub async fn get(call: &Call) -> Answer {
    let app = call.app()?;
    call.actor()?;
    let id = call.order_id()?;
    let is_in_demand = app.order_cache.was_asked_for_before(id);
    if is_in_demand && let Some(entry) = cached(call).await? {
        return shown(call, &entry);
    }
    let order = visible(call).await?;
    let entry = detailed(call, &order).await?;
    let reply = shown(call, &entry)?;
    if is_in_demand {
        let now = call.now;
        spawn(async move { app.order_cache.put(&app.redis, id, &entry, None, now).await });
    }
    Ok(reply)
}

/// Answers with an order, unless the client knows it.
fn shown(call: &Call, order: &Entry) -> Answer {
    if is_known(call, order.version) {
        return Ok(Reply::not_modified().header(header::ETAG, etag(order.version)));
    }
    answer(call, StatusCode::OK, order)
}

/// The order that the path names from the cache, if it is there and the actor may see it.
async fn cached(call: &Call) -> Result<Option<Entry>, Problem> {
    let (app, actor) = (call.app()?, call.actor()?);
    let found = app.order_cache.get(&app.redis, call.order_id()?, call.now).await;
    Ok(found.filter(|entry| entry.standing.is_visible_to(actor)))
}

/// The order that the path names, if whoever is asking may see it.
async fn visible(call: &Call) -> Result<Order, Problem> {
    visible_to(call, call.actor()?).await
}

/// The order that the path names, if the actor may see it.
async fn visible_to(call: &Call, actor: &Actor) -> Result<Order, Problem> {
    let order = orders::find(&call.app()?.db, call.order_id()?).await?;
    order.filter(|order| order.standing().is_visible_to(actor)).ok_or_else(no_such_order)
}

/// Answers 200 with an order that was just changed, which the cache shows from now on unless others are changing it.
async fn show(call: &Call, order: &Order) -> Answer {
    let app = call.app()?;
    let entry = detailed(call, order).await?;
    app.order_cache.put(&app.redis, order.id, &entry, Some(call.writer()), call.now).await;
    answer(call, StatusCode::OK, &entry)
}

/// Answers 200 with an order as an earlier try of this request changed it, which is no news to the cache.
async fn show_again(call: &Call, order: &Order) -> Answer {
    answer(call, StatusCode::OK, &detailed(call, order).await?)
}

/// An order as it is shown, with what the catalogue says of its products.
async fn detailed(call: &Call, order: &Order) -> Result<Entry, Problem> {
    Ok(entry(order, &details(call, slice::from_ref(order)).await?))
}

/// What the catalogue says of the products of these orders.
async fn details(call: &Call, orders: &[Order]) -> Result<Documents, Problem> {
    let app = call.app()?;
    let ids = orders.iter().flat_map(|order| &order.items).map(|item| item.product_id).collect();
    Ok(app.products.details(&app.redis, &ids, (&call.trace, call.now)).await)
}

/// An order whose products are known, as it is shown.
fn entry(order: &Order, products: &Documents) -> Entry {
    Entry {
        version: order.version,
        standing: order.standing(),
        document: OrderDocument::new(order, products).to_json(),
    }
}

/// Answers with an order.
fn answer(call: &Call, status: StatusCode, order: &Entry) -> Answer {
    let actions = order.standing.allowed_actions(call.actor()?, call.now, call.app()?.return_window);
    let document = response::with_actions(&order.document, &actions);
    Ok(Reply::written_json(status, document).header(header::ETAG, etag(order.version)))
}
