//! Settling a charge: asking the payment service for it, and recording the answer with what it means for the order.

use domain::{CartLine, Order, Status};

use crate::{
    Database, DbError, Trace,
    ledger::{self, Movement, NotTaken},
    log::Line,
    metrics,
    services::{Carts, PaymentOutcome, Payments, ServiceDown},
};

/// What is settled about an order after its charge was asked for.
#[derive(Debug)]
pub enum Settled {
    /// The money was taken. The order is confirmed; none when the charge was settled already, or when
    /// the order had been cancelled and the money goes back.
    Paid(Option<Order>),
    /// The money was not taken. The order is cancelled; none when it was so already.
    Refused(Option<Order>),
    /// The payment service was certainly not reached. The order is still pending.
    NotReached(ServiceDown),
    /// Nobody knows. The order is pending until the task component knows.
    Unknown(String),
}

/// Who settles: it decides what is left for tasks to do.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// The request that placed the order. It empties the cart that became the order, if there is one, and tells
    /// the customer itself when the payment is declined.
    Request { cart: Option<OrderedCart<'a>> },
    /// A task, long after the request was answered or lost.
    Task,
}

/// A cart that became an order, and what it held then.
#[derive(Clone, Copy)]
pub struct OrderedCart<'a> {
    pub carts: &'a Carts,
    pub lines: &'a [CartLine],
}

/// Asks the payment service for a charge and records its answer.
pub async fn settle(
    db: &Database,
    payments: &Payments,
    charge: &Movement,
    by: By<'_>,
    trace: &Trace,
) -> Result<Settled, DbError> {
    match payments.charge(charge, trace).await {
        PaymentOutcome::Approved { reference } => {
            let cart_is_cleared = by.clear_cart(charge, trace).await;
            let confirmed = ledger::approve(db, charge, reference.as_deref(), cart_is_cleared, trace).await?;
            // Counted twice should an admin have confirmed the order before.
            confirmed.iter().for_each(|order| metrics::transition(Status::Pending, order.status));
            Ok(Settled::Paid(confirmed))
        }
        PaymentOutcome::Declined => {
            let notifies = matches!(by, By::Task);
            let cancelled = ledger::cancel_unpaid(db, charge, NotTaken::Declined, notifies, trace).await?;
            Ok(Settled::Refused(cancelled))
        }
        PaymentOutcome::NotReached(problem) => Ok(Settled::NotReached(problem)),
        PaymentOutcome::Unknown(problem) => {
            let line = Line::warn("a payment's outcome is unknown and will be asked for again").trace(trace);
            line.value("order_id", charge.order_id.get()).field("error", &problem).write();
            Ok(Settled::Unknown(problem))
        }
    }
}

impl By<'_> {
    /// Empties the cart, where there is one, unless it has changed since it was ordered; a task does it where this fails.
    async fn clear_cart(self, charge: &Movement, trace: &Trace) -> bool {
        let Self::Request { cart: Some(OrderedCart { carts, lines }) } = self else { return false };
        let cleared = carts.clear_if_unchanged(&charge.user_id, lines, trace).await;
        if let Err(error) = &cleared {
            let line = Line::warn("a cart is left to be cleared by a task").trace(trace);
            line.value("order_id", charge.order_id.get()).field("error", error).write();
        }
        cleared.is_ok()
    }
}
