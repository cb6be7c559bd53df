//! Lists of orders: a customer's own, and all for staff.

use chrono::DateTime;
use domain::{Actor, Invalid, Page, Role, Status, UserId, both, is_storable};
use platform::orders::{self, Filter};

use super::{
    details,
    response::{OrderDocument, OrderResponse},
};
use crate::{
    App,
    call::Call,
    paging::{cut, linked},
    problem::Problem,
    reply::Reply,
    router::Answer,
};

/// `GET /orders/my-orders`: the caller's own orders, newest first.
pub async fn mine(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.actor()?);
    let filter = Filter { user_id: Some(actor.id.clone()), ..Filter::default() };
    let page = call.page().map_err(Problem::invalid)?;
    list(call, app, &actor, (&filter, &page), "/orders/my-orders").await
}

/// `GET /orders`: all orders for an admin, the assigned ones for a courier.
pub async fn all(call: &Call) -> Answer {
    let (app, actor) = (call.app()?, call.staff()?);
    let (mut filter, page) = both(filter(call), call.page()).map_err(Problem::invalid)?;
    if actor.role == Role::DeliveryPartner {
        filter.delivery_partner_id = Some(actor.id.clone());
    }
    list(call, app, &actor, (&filter, &page), "/orders").await
}

async fn list(call: &Call, app: &App, actor: &Actor, (filter, page): (&Filter, &Page), path: &str) -> Answer {
    let mut found = orders::list(&app.db, filter, page).await?;
    let next = cut(&mut found, page);
    let products = details(call, app, &found).await;
    let shown: Vec<_> = found
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
    let mut faults = Vec::new();
    let user = |name| call.query(name).map(|text| UserId::try_from(text.to_owned())).transpose();
    let mut person = |name| {
        // What stands for bytes that are no text.
        if call.query(name).is_some_and(|text| text.contains(char::REPLACEMENT_CHARACTER)) {
            faults.push(Invalid::new(name, "must be UTF-8"));
            return None;
        }
        user(name).unwrap_or_else(|error| {
            faults.push(Invalid::new(name, error.to_string()));
            None
        })
    };
    let (user_id, delivery_partner_id) = (person("user_id"), person("delivery_partner_id"));
    let status = call.query("status").and_then(|name| {
        Status::named(name).or_else(|| {
            let names = Status::ALL.map(Status::as_str).join(", ");
            faults.push(Invalid::new("status", format!("must be one of {names}")));
            None
        })
    });
    let mut time = |name| {
        let text = call.query(name)?;
        DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok().filter(is_storable).or_else(|| {
            faults.push(Invalid::new(
                name,
                "must be a time with its offset, such as 2026-01-02T08:00:00Z (RFC 3339)",
            ));
            None
        })
    };
    let (created_from, created_to) = (time("created_from"), time("created_to"));
    if faults.is_empty() {
        Ok(Filter { user_id, delivery_partner_id, status, created_from, created_to })
    } else {
        Err(faults)
    }
}
