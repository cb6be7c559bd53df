//! Checkouts: at most one request at a time turns a customer's cart into an order, whatever two tabs
//! or a double click may send. Most statements are functions, whose plans are kept.

use domain::{Actor, OrderId, UserId};

use crate::{
    Database, DbError,
    parameters::{optional_text, text},
};

/// The right to turn a customer's cart into an order.
#[derive(Debug)]
pub struct Checkout {
    pub(crate) user: UserId,
    pub(crate) token: String,
}

/// Claims the customer's checkout, and notes the customer with the token's e-mail. None while
/// another request has it, while the outcome of its order's payment is unknown, or the cart is to be cleared.
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
