//! The same change to many orders at once, each on its own merits.

use std::collections::BTreeMap;

use domain::{Invalid, Order, OrderId, Refusal, Status, Step, UserId, both, json_integer};
use futures::future::join;
use platform::orders;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use spin_sdk::wasip3::spawn;

use super::assignment::{courier, courier_schema};
use crate::{
    App,
    call::{Call, status},
    problem::Problem,
    reply::Reply,
    router::Answer,
};

const MAX_ORDERS: usize = 500;

/// A status for many orders.
#[derive(JsonSchema)]
pub struct BulkStatusUpdate {
    #[schemars(length(min = 1, max = MAX_ORDERS), extend("uniqueItems" = true))]
    order_ids: Vec<OrderId>,
    status: Status,
}

/// Who shall carry many orders.
#[derive(JsonSchema)]
pub struct BulkAssignment {
    #[schemars(length(min = 1, max = MAX_ORDERS), extend("uniqueItems" = true))]
    order_ids: Vec<OrderId>,
    #[schemars(schema_with = "courier_schema")]
    delivery_partner_id: UserId,
}

/// What became of all of them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BulkResponse")]
pub struct Outcomes {
    /// Whether every order is now as asked for.
    success: bool,
    updated_count: usize,
    total_count: usize,
    /// In the order of the request.
    results: Vec<Outcome>,
}

/// What became of one order: its status, or why nothing was done.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BulkResult")]
struct Outcome {
    order_id: OrderId,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl BulkStatusUpdate {
    fn read(call: &Call) -> Result<Self, Problem> {
        let body = call.json()?;
        let (order_ids, status) = both(order_ids(&body), status(&body)).map_err(Problem::invalid)?;
        Ok(Self { order_ids, status })
    }
}

impl BulkAssignment {
    fn read(call: &Call) -> Result<Self, Problem> {
        let body = call.json()?;
        let given = both(order_ids(&body), courier(&body));
        let (order_ids, delivery_partner_id) = given.map_err(Problem::invalid)?;
        Ok(Self { order_ids, delivery_partner_id })
    }
}

/// `PUT /orders/bulk-status-update`.
pub async fn update_status(call: &Call) -> Answer {
    let (app, admin) = (call.app()?, call.admin()?);
    let BulkStatusUpdate { order_ids: ids, status: to } = BulkStatusUpdate::read(call)?;
    let judge = |order: &Order| order.standing().check_step(admin, to);
    let store = async |chosen: Vec<Order>| {
        let changed = orders::set_status(&app.db, &chosen, to, &json!({}), None, call.author()?).await?;
        Ok(changed.into_iter().map(|changed| changed.order).collect())
    };
    let reply = each(app, &ids, judge, store).await?;
    spawn(app.nudge());
    Ok(reply)
}

/// `POST /orders/bulk-assign-delivery`.
pub async fn assign(call: &Call) -> Answer {
    let (app, admin) = (call.app()?, call.admin()?);
    let BulkAssignment { order_ids: ids, delivery_partner_id: courier } = BulkAssignment::read(call)?;
    let judge = |order: &Order| order.standing().check_assign(admin, &courier);
    let store = async |chosen: Vec<Order>| {
        Ok(orders::assign(&app.db, &chosen, &courier, call.claim.as_ref(), call.author()?).await?)
    };
    each(app, &ids, judge, store).await
}

/// Judges each order, stores the changes in one statement and reports on every one.
async fn each(
    app: &App,
    ids: &[OrderId],
    judge: impl Fn(&Order) -> Result<Step, Refusal>,
    store: impl AsyncFnOnce(Vec<Order>) -> Result<Vec<Order>, Problem>,
) -> Answer {
    let (found, ()) =
        join(orders::find_many(&app.db, ids), app.order_cache.hold(&app.redis, ids, None)).await;
    let mut known: BTreeMap<_, _> = found?.into_iter().map(|order| (order.id, order)).collect();
    let mut outcomes: BTreeMap<OrderId, Outcome> = BTreeMap::new();
    let mut chosen = Vec::new();
    for id in ids {
        let verdict = known.get(id).map(&judge);
        match verdict {
            None => outcomes.insert(*id, failed(*id, "there is no such order")),
            Some(Err(refusal)) => outcomes.insert(*id, failed(*id, refusal.to_string())),
            Some(Ok(Step::Unchanged)) => outcomes.insert(*id, done(&known[id])),
            Some(Ok(Step::Taken)) => {
                chosen.extend(known.remove(id));
                outcomes
                    .insert(*id, failed(*id, "the order was changed by somebody else meanwhile; try again"))
            }
        };
    }
    // Rows are locked in this order; any other, and two requests could wait for each other.
    chosen.sort_by_key(|order| order.id);
    for order in store(chosen).await? {
        outcomes.insert(order.id, done(&order));
    }
    let results: Vec<_> = ids.iter().filter_map(|id| outcomes.remove(id)).collect();
    let updated = results.iter().filter(|outcome| outcome.ok).count();
    Ok(Reply::ok(&Outcomes {
        success: updated == results.len(),
        updated_count: updated,
        total_count: results.len(),
        results,
    }))
}

fn done(order: &Order) -> Outcome {
    Outcome { order_id: order.id, ok: true, status: Some(order.status), error: None }
}

fn failed(order_id: OrderId, error: impl Into<String>) -> Outcome {
    Outcome { order_id, ok: false, status: None, error: Some(error.into()) }
}

/// Reads `order_ids`: a number of distinct ids.
///
/// # Errors
/// Each that is wrong, by its pointer.
fn order_ids(body: &Value) -> Result<Vec<OrderId>, Vec<Invalid>> {
    let list = body["order_ids"].as_array().filter(|list| (1..=MAX_ORDERS).contains(&list.len()));
    let list = list.ok_or_else(|| {
        Invalid::new("/order_ids", format!("must be a list of 1 to {MAX_ORDERS} order ids"))
    })?;
    let mut ids = Vec::with_capacity(list.len());
    let mut faults = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let fault = |detail: &str| Invalid::new(format!("/order_ids/{index}"), detail);
        match json_integer(value).and_then(|number| OrderId::try_from(number).ok()) {
            Some(id) if ids.contains(&id) => faults.push(fault("is listed twice; list it once")),
            Some(id) => ids.push(id),
            None => faults.push(fault("must be an order id, a whole number from 1 to 2147483647")),
        }
    }
    if faults.is_empty() { Ok(ids) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_id_is_named() {
        for (ids, expected) in [
            (json!([]), &["/order_ids"][..]),
            (json!(vec![1; 501]), &["/order_ids"]),
            (json!([7, "8", 7, 0, 1.5]), &["/order_ids/1", "/order_ids/2", "/order_ids/3", "/order_ids/4"]),
            (json!([7, 7.0]), &["/order_ids/1"]),
        ] {
            let faults = order_ids(&json!({ "order_ids": ids })).unwrap_err();
            assert_eq!(faults.iter().map(|fault| &*fault.pointer).collect::<Vec<_>>(), expected, "{ids}");
        }
        let ids = order_ids(&json!({ "order_ids": [7, 8.0] })).unwrap();
        assert_eq!(ids.into_iter().map(OrderId::get).collect::<Vec<_>>(), [7, 8]);
    }
}
