//! The ledger: what became of each charge, recorded together with what it means for the order.

use domain::{Money, Order, OrderId, Status, UserId};
use serde::Deserialize;

use crate::{
    Database, DbError, Trace,
    database::{Row, optional_document},
    metrics,
    orders::documents_of,
    parameters::{optional_text, text},
};

/// [`NotTaken::NotReached`], for statements.
macro_rules! not_reached {
    () => {
        "payment_unavailable"
    };
}

/// Declines the charge `$2` of the order `$1` for the reason `$3`, as the row `charge`, for a `with` clause.
///
/// If a task has asked for the charge too, that this request did not reach the service proves nothing: the task's attempt
/// may have succeeded, so the charge is left to the task. The task's row is locked so that no attempt begins meanwhile.
macro_rules! declining {
    () => {
        concat!(
            "asked as (
                select t.attempts from tasks t where t.order_id = $1 and t.kind = 'payment.settle'
                    and t.payload @> jsonb_build_object('seq', $2::int4)
                for update
            ), charge as (
                update payments set status = 'declined', settled_at = now()
                where order_id = $1 and seq = $2 and status = 'pending'
                    and ($3::text <> '",
            not_reached!(),
            "' or not exists (select from asked where attempts > 0))
                returning order_id, seq
            )"
        )
    };
}

/// The statement that ends the task which would settle the row `charge`, for a `with` clause.
macro_rules! ending_settlement {
    () => {
        "delete from tasks t using charge c where t.order_id = c.order_id
            and t.kind = 'payment.settle' and t.payload @> jsonb_build_object('seq', c.seq)"
    };
}
pub(crate) use ending_settlement;

/// Why the money of a charge was not taken, as the order's history has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    Declined,
    /// The payment service was certainly not reached.
    NotReached,
}

impl NotTaken {
    fn as_str(self) -> &'static str {
        match self {
            Self::Declined => "payment_declined",
            Self::NotReached => not_reached!(),
        }
    }

    /// The reason of that name; none for a name that isn't one.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Declined, Self::NotReached].into_iter().find(|reason| reason.as_str() == name)
    }
}

/// A charge or a refund, as it stands in the ledger.
#[derive(Clone, Debug, Deserialize)]
pub struct Movement {
    pub order_id: OrderId,
    /// Numbers the order's movements of money from 1.
    pub seq: i32,
    pub user_id: UserId,
    pub amount: Money,
    /// Makes asking again harmless.
    pub idempotency_key: String,
}

/// How often a change may meet another that takes the same number.
const NUMBERING_TRIES: usize = 5;

/// Runs a change that may take the ledger's next number for an order. Another may take it at the same time; then
/// this one changed nothing, and is run again, for by then the other can be seen.
pub(crate) async fn numbering(
    change: impl AsyncFn() -> Result<Vec<Row>, DbError>,
) -> Result<Vec<Row>, DbError> {
    for _ in 0..NUMBERING_TRIES {
        match change().await {
            Err(DbError::Constraint(name)) if name == "payments_pkey" => {}
            rows => return rows,
        }
    }
    Err(DbError::Unavailable("others keep taking the ledger's next number".to_owned()))
}

/// A movement of an order's money that still waits for its outcome.
pub async fn pending(db: &Database, order: OrderId, seq: i32) -> Result<Option<Movement>, DbError> {
    let statement = "select row_to_json(c)::text from (
            select p.order_id, p.seq, o.user_id, p.amount, p.idempotency_key
            from payments p join orders o on o.id = p.order_id
            where p.order_id = $1 and p.seq = $2 and p.status = 'pending'
        ) c";
    optional_document(&db.idempotent(statement, &[order.get().into(), seq.into()]).await?)
}

/// The money was taken: confirms the order, unless an admin has done so already, and writes the tasks
/// that follow; ends the checkout if its cart is cleared. An order that is given up gets a refund instead.
///
/// It is proof also for a charge that somebody else was told is declined.
pub async fn approve(
    db: &Database,
    charge: &Movement,
    reference: Option<&str>,
    cart_is_cleared: bool,
    trace: &Trace,
) -> Result<Option<Order>, DbError> {
    // A function, since its text is long and takes several times as long to plan as to run.
    const STATEMENT: &str = "select settle_charge($1, $2, $3, $4, $5, $6)";
    let parameters = [
        charge.order_id.get().into(),
        charge.seq.into(),
        optional_text(reference),
        text(&trace.request_id),
        optional_text(trace.context().as_deref()),
        cart_is_cleared.into(),
    ];
    optional_document(&numbering(async || db.change(STATEMENT, &parameters).await).await?)
}

/// The money was not taken: cancels the order and ends its checkout, so that the customer can try
/// again with the same cart; `notifies` has a task tell them. One that an admin has confirmed meanwhile stays, and its
/// history says so. None when it isn't cancelled by this, or left to a task ([`NotTaken::NotReached`]).
pub async fn cancel_unpaid(
    db: &Database,
    charge: &Movement,
    reason: NotTaken,
    notifies: bool,
    trace: &Trace,
) -> Result<Option<Order>, DbError> {
    const STATEMENT: &str = concat!(
        "with ",
        declining!(),
        ", changed as (
            update orders o set version = version + 1, updated_at = now(),
                status = case when o.status = 'pending' then 'cancelled' else o.status end,
                cancelled_at = case when o.status = 'pending' then now() else o.cancelled_at end
            from charge c where o.id = c.order_id and o.status not in ('cancelled', 'refunded') and c.seq = 1
            returning o.*
        ), cancelled as (
            select * from changed where status = 'cancelled'
        ), event as (
            insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
            select id, version, case when status = 'cancelled' then 'status' else 'payment' end, 'order-service', 'system',
                jsonb_build_object('status', status, 'reason', $3::text), $4
            from changed
        ), settled as (",
        ending_settlement!(),
        "), released as (
            delete from checkouts k using charge c, orders o
            where o.id = c.order_id and c.seq = 1 and k.user_id = o.user_id and k.order_id = o.id
        ), follow_up as (
            insert into tasks (kind, order_id, payload, request_id, traceparent)
            select 'notify.status', id, jsonb_build_object('status', status), $4, $5 from cancelled where $6
        )
        ",
        documents_of!("cancelled")
    );
    let parameters = [
        charge.order_id.get().into(),
        charge.seq.into(),
        text(reason.as_str()),
        text(&trace.request_id),
        optional_text(trace.context().as_deref()),
        notifies.into(),
    ];
    let cancelled: Option<Order> = optional_document(&db.change(STATEMENT, &parameters).await?)?;
    cancelled.iter().for_each(|order| metrics::transition(Status::Pending, order.status));
    Ok(cancelled)
}

/// A charge that was not the order's first was not taken: the order stays as it is. With [`NotTaken::NotReached`] it may be
/// left to a task.
pub async fn withdraw(db: &Database, charge: &Movement, reason: NotTaken) -> Result<(), DbError> {
    const STATEMENT: &str = concat!("with ", declining!(), " ", ending_settlement!());
    let parameters = [charge.order_id.get().into(), charge.seq.into(), text(reason.as_str())];
    db.idempotent(STATEMENT, &parameters).await.map(drop)
}

/// Whether a charge of the order still waits for its outcome.
pub async fn is_charging(db: &Database, order: OrderId) -> Result<bool, DbError> {
    let statement = "select 1 from payments where order_id = $1 and kind = 'charge' and status = 'pending'";
    Ok(!db.idempotent(statement, &[order.get().into()]).await?.is_empty())
}

/// Whether every charge of the order was declined: one that lives all the same was confirmed by an admin, and nobody has
/// paid for it.
pub async fn is_unpaid(db: &Database, order: OrderId) -> Result<bool, DbError> {
    let statement = "select 1 from payments where order_id = $1 and kind = 'charge'
        having bool_and(status = 'declined')";
    Ok(!db.idempotent(statement, &[order.get().into()]).await?.is_empty())
}

/// The money was paid back.
pub async fn refunded(db: &Database, refund: &Movement, reference: Option<&str>) -> Result<(), DbError> {
    let statement = "update payments set status = 'succeeded', settled_at = now(), reference = $3
        where order_id = $1 and seq = $2 and status = 'pending'";
    let parameters = [refund.order_id.get().into(), refund.seq.into(), optional_text(reference)];
    db.change(statement, &parameters).await.map(drop)
}
