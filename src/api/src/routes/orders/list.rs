//! Lists of orders: a customer's own, and all for staff.

use chrono::{DateTime, Utc};
use domain::{Invalid, Listing, Page, Role, UserId, both, parse_time};
use platform::orders::{self, Filter};
use serde_json::json;

use super::{
    details,
    response::{OrderDocument, OrderResponse},
};
use crate::{
    call::{Call, status_named},
    paging::linked,
    problem::Problem,
    reply::Reply,
    router::Answer,
};

/// `GET /orders/my-orders`: the caller's own orders, newest first.
pub async fn mine(call: &Call) -> Answer {
    let actor = call.actor()?;
    let filter = Filter { user_id: Some(actor.id.clone()), ..Filter::default() };
    let page = call.page().map_err(Problem::invalid)?;
    list(call, &filter, &page, "/orders/my-orders").await
}

/// `GET /orders`: all orders for an admin, the assigned ones for a courier.
pub async fn all(call: &Call) -> Answer {
    let actor = call.staff()?;
    let (mut filter, page) = both(filter(call), call.page()).map_err(Problem::invalid)?;
    if actor.role == Role::DeliveryPartner {
        let asked_for = filter.delivery_partner_id.replace(actor.id.clone());
        if asked_for.is_some_and(|id| id != actor.id) {
            // Somebody else's, of which a courier sees none.
            return Ok(Reply::ok(&json!([])));
        }
    }
    list(call, &filter, &page, "/orders").await
}

async fn list(call: &Call, filter: &Filter, page: &Page, path: &str) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let Listing { entries, next } = orders::list(&app.db, filter, page).await?;
    let products = details(call, &entries).await?;
    let shown: Vec<_> = entries
        .iter()
        .map(|order| OrderResponse {
            order: OrderDocument::new(order, &products),
            allowed_actions: order.standing().allowed_actions(actor, call.now, app.return_window),
        })
        .collect();
    Ok(linked(Reply::ok(&shown), call, path, next))
}

/// Reads the filters of a list.
///
/// # Errors
/// Each value that can't be one, by its name.
pub fn filter(call: &Call) -> Result<Filter, Vec<Invalid>> {
    let people = both(person(call, "user_id"), person(call, "delivery_partner_id"));
    let times =
        both(moment(call, "created_from"), moment(call, "created_to")).and_then(|times| match times {
            (Some(from), Some(to)) if from > to => {
                Err(Invalid::new("created_from", "must not be after created_to").into())
            }
            times => Ok(times),
        });
    let status = call.query("status").map(|name| status_named("status", name)).transpose();
    let (((user_id, delivery_partner_id), status), (created_from, created_to)) =
        both(both(people, status), times)?;
    Ok(Filter { user_id, delivery_partner_id, status, created_from, created_to })
}

fn person(call: &Call, name: &str) -> Result<Option<UserId>, Invalid> {
    let Some(text) = call.query(name) else { return Ok(None) };
    // What stands for bytes that aren't text.
    if text.contains(char::REPLACEMENT_CHARACTER) {
        return Err(Invalid::new(name, "must be UTF-8"));
    }
    UserId::try_from(text.to_owned()).map(Some).map_err(|error| Invalid::new(name, error.to_string()))
}

fn moment(call: &Call, name: &str) -> Result<Option<DateTime<Utc>>, Invalid> {
    call.query(name).map(|text| parse_time(name, text)).transpose()
}
