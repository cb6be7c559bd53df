//! Checkouts: at most one request at a time turns a customer's cart into an order, whatever two tabs
//! or a double click may send. Claiming and ending are functions of the database, whose plans are kept.

use domain::{Actor, OrderId, UserId};
use serde::Deserialize;

use crate::{
    Database, DbError,
    database::optional_document,
    parameters::{optional_text, text},
};

/// The right to turn a customer's cart into an order.
#[derive(Debug)]
pub struct Checkout {
    pub(crate) user: UserId,
    pub(crate) token: String,
}

/// Claims the customer's checkout, and notes the customer with the token's e-mail. None while
/// there is an [`obstacle`].
///
/// `token` is unique to this request; claiming again with it is harmless. Without an order the claim lasts a
/// minute, longer than any request may take.
pub async fn claim(db: &Database, customer: &Actor, token: &str) -> Result<Option<Checkout>, DbError> {
    let statement = "select claim_checkout($1, $2, $3)";
    let parameters = [text(customer.id.as_str()), optional_text(customer.email.as_deref()), text(token)];
    // Claiming twice with one token is claiming once.
    let claimed = !db.idempotent(statement, &parameters).await?.is_empty();
    Ok(claimed.then(|| Checkout { user: customer.id.clone(), token: token.to_owned() }))
}

/// What keeps a customer's checkout from being claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Another request that makes an order of the cart.
    Request,
    /// The payment of this order isn't settled yet.
    Payment(OrderId),
    /// The cart that became this order hasn't been cleared yet.
    Cart(OrderId),
}

/// What keeps the customer's checkout from being claimed. A cart that is to be cleared is tried again at once: the
/// customer is waiting.
pub async fn obstacle(db: &Database, customer: &UserId) -> Result<Obstacle, DbError> {
    #[derive(Deserialize)]
    struct Held {
        order_id: OrderId,
        is_settled: bool,
    }
    let statement = "with held as (
            select o.id as order_id, o.status <> 'pending' and not exists (
                select from payments p where p.order_id = o.id and p.seq = 1 and p.status = 'pending') as is_settled
            from checkouts c join orders o on o.id = c.order_id where c.user_id = $1
        ), hastened as (
            update tasks t set due_at = now() from held h
            where t.order_id = h.order_id and t.kind = 'cart.clear' and t.status = 'queued'
                and t.claimed_at is null and t.due_at > now()
        )
        select row_to_json(h)::text from held h";
    let held = optional_document(&db.idempotent(statement, &[text(customer.as_str())]).await?)?;
    Ok(match held {
        None => Obstacle::Request,
        Some(Held { order_id, is_settled: false }) => Obstacle::Payment(order_id),
        Some(Held { order_id, .. }) => Obstacle::Cart(order_id),
    })
}

/// Gives up a checkout that led to no order.
pub async fn release(db: &Database, checkout: &Checkout) -> Result<(), DbError> {
    let statement = "delete from checkouts where user_id = $1 and token = $2 and order_id is null";
    let parameters = [text(checkout.user.as_str()), text(&checkout.token)];
    db.idempotent(statement, &parameters).await.map(drop)
}

/// Ends the checkout of an order whose cart has been cleared, and the task that would clear it.
pub async fn finish(db: &Database, order: OrderId) -> Result<(), DbError> {
    db.idempotent("select finish_checkout($1)", &[order.get().into()]).await.map(drop)
}

/// Whether the order's cart is still to be cleared. It is the customer's for another order once this one is cancelled.
pub async fn is_open(db: &Database, order: OrderId) -> Result<bool, DbError> {
    let statement = "select c.user_id from checkouts c join orders o on o.user_id = c.user_id
        where o.id = $1 and c.order_id = o.id";
    Ok(!db.idempotent(statement, &[order.get().into()]).await?.is_empty())
}
