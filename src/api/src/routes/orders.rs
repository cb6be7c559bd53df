//! Orders as their customers use them: place, read, list.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Actor, Cursor, Delivery, Order, ProductId, Status};
use http::{HeaderValue, StatusCode, header};
use platform::{orders, services::Product};
use spin_sdk::wasip3::spawn;

use super::order_response::OrderResponse;
use crate::{
    App,
    call::{Call, no_such_order},
    placing::{Placement, Placing},
    problem::Problem,
    reply::Reply,
    router::Answer,
};

/// `POST /orders`: the customer's cart becomes an order.
pub async fn create(call: &Call) -> Answer {
    let (app, customer) = (call.app()?, call.actor()?);
    let delivery = Delivery::parse(&call.json()?, app.schedule, call.now).map_err(Problem::invalid)?;
    let placing =
        Placing { app, customer: &customer, delivery: &delivery, trace: &call.trace, now: call.now };
    let Placement { order, products } = placing.run().await?;
    spawn(app.nudge());
    // 202: the payment's outcome isn't known yet.
    let status = if order.status == Status::Pending { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    let location =
        HeaderValue::try_from(format!("/orders/{}", order.id)).expect("digits make a valid header");
    Ok(answer(call, app, status, &customer, &order, &products).header(header::LOCATION, location))
}

/// `GET /orders/{order_id}`.
pub async fn get(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let order = orders::find(&app.db, call.order_id()?).await?;
    let order = order.filter(|order| order.is_visible_to(&actor)).ok_or_else(no_such_order)?;
    let products = app.products.details(&products_of(std::slice::from_ref(&order)), &call.trace).await;
    Ok(answer(call, app, StatusCode::OK, &actor, &order, &products))
}

/// `GET /orders/my-orders`: the caller's own orders, newest first.
pub async fn mine(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let page = call.page()?;
    let mut found = orders::of_customer(&app.db, &actor.id, &page).await?;
    let is_last = found.len() <= page.limit as usize;
    found.truncate(page.limit as usize);
    let products = app.products.details(&products_of(&found), &call.trace).await;
    let shown: Vec<_> = found
        .iter()
        .map(|order| {
            OrderResponse::new(order, &products, order.allowed_actions(&actor, call.now, app.return_window))
        })
        .collect();
    let reply = Reply::ok(&shown);
    match found.last().filter(|_| !is_last) {
        Some(last) => Ok(reply.header(header::LINK, next("/orders/my-orders", page.limit, last))),
        None => Ok(reply),
    }
}

fn answer(
    call: &Call,
    app: &App,
    status: StatusCode,
    actor: &Actor,
    order: &Order,
    products: &BTreeMap<ProductId, Product>,
) -> Reply {
    let actions = order.allowed_actions(actor, call.now, app.return_window);
    let etag = HeaderValue::try_from(format!("\"{}\"", order.version)).expect("digits make a valid header");
    Reply::json(status, &OrderResponse::new(order, products, actions)).header(header::ETAG, etag)
}

fn products_of(orders: &[Order]) -> BTreeSet<ProductId> {
    orders.iter().flat_map(|order| &order.items).map(|item| item.product_id).collect()
}

/// Where the list goes on (RFC 8288).
fn next(path: &str, limit: u32, last: &Order) -> HeaderValue {
    let link = format!("<{path}?limit={limit}&cursor={}>; rel=\"next\"", Cursor::from(last));
    HeaderValue::try_from(link).expect("digits and dots make a valid header")
}
