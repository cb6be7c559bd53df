//! Storing a new order with all that must follow.

use chrono::{DateTime, Utc};
use domain::{Delivery, Money, Order, PricedLine};
use serde::Deserialize;

use crate::{
    Author, Database, DbError,
    checkout::Checkout,
    customer::noting_customer,
    database::optional_document,
    idempotency::{self, Change, Claim},
    ledger::Movement,
    metrics,
    parameters::{amount, columns, moment, optional_moment, optional_text, text},
};

/// An order about to be placed.
pub struct Draft<'a> {
    pub delivery: &'a Delivery,
    pub lines: &'a [PricedLine],
    pub delivery_fee: Money,
    /// Lines and fee together.
    pub total: Money,
    pub estimated_delivery_time: DateTime<Utc>,
    /// When a scheduled order is to be taken up.
    pub due_at: Option<DateTime<Utc>>,
}

/// A stored order and the charge that must follow.
#[derive(Debug, Deserialize)]
pub struct Placed {
    pub order: Order,
    pub charge: Movement,
}

/// Where the lines of an order come from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// The customer's cart, to which this checkout is the right.
    Cart(&'a Checkout),
    /// A list of the customer's, which can be ordered as often as they like.
    Template,
}

impl Source<'_> {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cart(_) => "cart",
            Self::Template => "template",
        }
    }
}

/// Orders what is in a cart, if the checkout is still ours. Like `place_order` a function, since
/// their texts are long and take several times as long to plan as to run.
const FROM_CART: &str = "placed (document) as (
        select place_cart($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
    )";

/// Orders what stands in a template, and notes the customer, as a checkout does.
const FROM_TEMPLATE: &str = concat!(
    "customer as (",
    noting_customer!(),
    "), numbered as (select nextval('orders_id_seq')::int4 as order_id), placed (document) as (
        select place_order(order_id, $1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) from numbered
    )"
);

/// Stores a pending order with its items, its first event, the charge to ask for and the task that
/// settles the charge should this request not live to do it; a scheduled one with the task for its
/// time. None when a checkout is not ours any more. With a claim it is placed once.
pub async fn place(
    db: &Database,
    source: Source<'_>,
    draft: &Draft<'_>,
    claim: Option<&Claim>,
    author: Author<'_>,
) -> Result<Option<Placed>, DbError> {
    let (with, second) = match source {
        Source::Cart(checkout) => (FROM_CART, text(&checkout.token)),
        Source::Template => (FROM_TEMPLATE, optional_text(author.actor.email.as_deref())),
    };
    let [customer, role, request, context] = author.parameters();
    let place = draft.delivery.coordinates.as_ref();
    let [products, quantities, prices, names] = columns(draft.lines);
    let parameters = [
        customer,
        second,
        amount(draft.total),
        amount(draft.delivery_fee),
        text(&draft.delivery.address),
        optional_text(place.map(|c| c.latitude())),
        optional_text(place.map(|c| c.longitude())),
        moment(draft.estimated_delivery_time),
        optional_moment(draft.delivery.scheduled_for),
        products,
        quantities,
        prices,
        names,
        role,
        request,
        context,
        optional_moment(draft.due_at),
    ];
    let change = Change { with, answer: "select document from placed" };
    let placed = optional_document(&idempotency::change(db, claim, change, &parameters).await?)?;
    placed.iter().for_each(|_: &Placed| metrics::placed(source.as_str()));
    Ok(placed)
}
