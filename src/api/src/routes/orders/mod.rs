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

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
};

use domain::{Actor, Order, ProductId};
use http::{HeaderValue, StatusCode, header};
use platform::{orders, services::Product};

use crate::{
    App,
    call::{Call, no_such_order},
    changing::etag,
    problem::Problem,
    reply::Reply,
    router::Answer,
};
use response::OrderResponse;

/// `GET /orders/{order_id}`.
pub async fn get(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let order = visible(call, app, &actor).await?;
    show(call, app, &actor, &order).await
}

/// The order that the path names, if the actor may see it.
async fn visible(call: &Call, app: &App, actor: &Actor) -> Result<Order, Problem> {
    let order = orders::find(&app.db, call.order_id()?).await?;
    order.filter(|order| order.is_visible_to(actor)).ok_or_else(no_such_order)
}

/// Answers 200 with an order.
async fn show(call: &Call, app: &App, actor: &Actor, order: &Order) -> Answer {
    let products = app.products.details(&products_of(slice::from_ref(order)), &call.trace).await;
    Ok(answer(call, app, StatusCode::OK, actor, order, &products))
}

/// Answers with an order whose products are known.
fn answer(
    call: &Call,
    app: &App,
    status: StatusCode,
    actor: &Actor,
    order: &Order,
    products: &BTreeMap<ProductId, Product>,
) -> Reply {
    let actions = order.allowed_actions(actor, call.now, app.return_window);
    let etag = HeaderValue::try_from(etag(order)).expect("quoted digits make a valid header");
    Reply::json(status, &OrderResponse::new(order, products, actions)).header(header::ETAG, etag)
}

fn products_of(orders: &[Order]) -> BTreeSet<ProductId> {
    orders.iter().flat_map(|order| &order.items).map(|item| item.product_id).collect()
}
