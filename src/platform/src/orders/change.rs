//! Changing an order: its row, its event, its money and the tasks that follow, in one statement that
//! does nothing when somebody else was faster.

use domain::{Order, OrderId, Status, UserId};
use serde::Deserialize;
use serde_json::Value;
use spin_sdk::pg::ParameterValue;

use super::documents_of;
use crate::{
    Author, Database, DbError,
    database::{documents, optional_document},
    idempotency::{self, Change, Claim},
    ledger::numbering,
    metrics,
    parameters::{optional_text, text},
};

/// An order after a change.
#[derive(Debug, Deserialize)]
pub struct Changed {
    pub order: Order,
    /// Whether money goes back to the customer because of it.
    pub refund_initiated: bool,
}

/// Gives orders a new status. Those whose version has moved on are left alone and missing in the
/// answer.
///
/// What was paid for an order that is now cancelled or refunded is entered as a refund. `data`
/// stands in the event beside the status. With a claim it is done once.
pub async fn set_status(
    db: &Database,
    orders: &[Order],
    to: Status,
    data: &Value,
    claim: Option<&Claim>,
    author: Author<'_>,
) -> Result<Vec<Changed>, DbError> {
    // A function, since its text is long and takes several times as long to plan as to run.
    const CHANGE: Change<'_> = Change {
        with: "changed (document) as (select set_order_status($1, $2, $3, $4, $5, $6, $7, $8))",
        answer: "select document from changed",
    };
    let [ids, versions] = ids_and_versions(orders);
    let [actor, role, request, context] = author.parameters();
    let (to_text, data) = (text(to.as_str()), text(&data.to_string()));
    let parameters = [ids, versions, to_text, data, actor, role, request, context];
    let rows = numbering(async || idempotency::change(db, claim, CHANGE, &parameters).await).await?;
    let changed: Vec<Changed> = documents(&rows)?;
    for Changed { order, .. } in &changed {
        let before = orders.iter().find(|before| before.id == order.id);
        before.inspect(|before| metrics::transition(before.status, to));
    }
    Ok(changed)
}

/// An order that took a step, and where it came from.
#[derive(Deserialize)]
struct Taken {
    from: Status,
    changed: Changed,
}

/// Takes an order to the status `to` if it has one of the statuses `from` and, where a courier is named, is carried by them:
/// it needn't be read before. None when it was not so, whatever the reason.
pub async fn take_step(
    db: &Database,
    id: OrderId,
    (from, courier): (&[Status], Option<&UserId>),
    to: Status,
    author: Author<'_>,
) -> Result<Option<Order>, DbError> {
    // A function, since the statement takes several times as long to plan as to run.
    let statement = "select take_step($1, $2, $3, $4, $5, $6, $7, $8)";
    let [actor, role, request, context] = author.parameters();
    let parameters = [
        id.get().into(),
        from.iter().map(|status| status.as_str().to_owned()).collect::<Vec<_>>().into(),
        optional_text(courier.map(UserId::as_str)),
        text(to.as_str()),
        actor,
        role,
        request,
        context,
    ];
    let rows = numbering(async || db.change(statement, &parameters).await).await?;
    let taken: Option<Taken> = optional_document(&rows)?;
    Ok(taken.map(|Taken { from, changed }| {
        metrics::transition(from, to);
        changed.order
    }))
}

/// Gives orders to a courier. Those whose version has moved on are left alone and missing in the
/// answer. With a claim it is done once.
pub async fn assign(
    db: &Database,
    orders: &[Order],
    courier: &UserId,
    claim: Option<&Claim>,
    author: Author<'_>,
) -> Result<Vec<Order>, DbError> {
    const CHANGE: Change<'_> = Change {
        // Locked in the order of their ids, as all who change several do.
        with: "seen as materialized (
            select o.id, s.version from orders o join unnest($1::int4[], $2::int4[]) s (id, version) on s.id = o.id
            order by o.id for no key update of o
        ), changed as (
            update orders o set delivery_partner_id = $3::varchar, version = o.version + 1, updated_at = now()
            from seen where o.id = seen.id and o.version = seen.version
            returning o.*
        ), event as (
            insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
            select id, version, 'delivery', $4, $5, jsonb_build_object('delivery_partner_id', delivery_partner_id), $6
            from changed
        )",
        answer: documents_of!("changed"),
    };
    let [ids, versions] = ids_and_versions(orders);
    let [actor, role, request, _] = author.parameters();
    let parameters = [ids, versions, text(courier.as_str()), actor, role, request];
    documents(&idempotency::change(db, claim, CHANGE, &parameters).await?)
}

/// What the orders are known by that are to be changed as they were seen.
fn ids_and_versions(orders: &[Order]) -> [ParameterValue; 2] {
    let column = |of: fn(&Order) -> i32| orders.iter().map(of).collect::<Vec<i32>>().into();
    [column(|order| order.id.get()), column(|order| order.version)]
}
