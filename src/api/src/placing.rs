//! Placing an order: from the customer's cart or template to a paid order, such that nothing is lost
//! or charged twice wherever it may be cut off. ARCHITECTURE.md tells who finishes what.

use std::{slice, time::Duration};

use chrono::{DateTime, Utc};
use domain::{Delivery, Lines, Order, Status, Template};
use futures::future::join;
use platform::{
    Author, DbError, Trace,
    checkout::{self, Obstacle},
    idempotency::{self, Claim},
    ledger::{self, NotTaken},
    log::Line,
    orders::{self, Draft, Event, Placed, Source},
    random_id,
    services::Documents,
    settlement::{self, By, OrderedCart, Settled},
};
use spin_sdk::wasip3::spawn;

use crate::{
    App,
    pricing::price,
    problem::{Kind, Problem},
    quote::quote,
};

/// An order that was placed, with what the catalogue says of its products.
pub struct Placement {
    /// Confirmed; still pending when the outcome of the payment is not known yet.
    pub order: Order,
    pub products: Documents,
}

/// One request to place an order.
pub struct Placing<'a> {
    pub app: &'static App,
    /// The customer.
    pub author: Author<'a>,
    pub delivery: &'a Delivery,
    /// By which it is placed once.
    pub claim: Option<&'a Claim>,
    pub now: DateTime<Utc>,
}

/// An order that an earlier try of the same request placed, as it stands now: no try but the first
/// asks for the payment, which a task settles if need be.
pub async fn placed_before(
    app: &App,
    order: Order,
    claim: &Claim,
    trace: &Trace,
) -> Result<Placement, Problem> {
    let order = as_it_stands(app, order, Some(claim)).await?;
    let ids = order.items.iter().map(|item| item.product_id).collect();
    let products = app.products.details(&app.redis, &ids, (trace, Utc::now())).await;
    Ok(Placement { order, products })
}

impl Placing<'_> {
    /// Orders what is in the customer's cart, and empties it.
    pub async fn order_cart(self) -> Result<Placement, Problem> {
        let claimed = checkout::claim(&self.app.db, self.author.actor, &random_id()).await?;
        let Some(checkout) = claimed else { return Err(self.obstacle().await?) };
        let source = Source::Cart(&checkout);
        let stored = async {
            let cart = self.app.carts.lines(&self.author.actor.id, self.author.trace).await?;
            let (placed, products) = self.store(source, Lines::Cart(&cart)).await?;
            Ok((cart, placed, products))
        };
        match stored.await {
            Ok((cart, placed, products)) => {
                let cart = OrderedCart { carts: &self.app.carts, lines: &cart };
                Ok(Placement { order: self.pay(Some(cart), placed).await?, products })
            }
            Err(problem) => {
                if let Err(error) = checkout::release(&self.app.db, &checkout).await {
                    Line::warn("a checkout is left to its lease")
                        .trace(self.author.trace)
                        .field("error", error)
                        .write();
                }
                Err(problem)
            }
        }
    }

    /// Why the cart can't be ordered now.
    async fn obstacle(&self) -> Result<Problem, Problem> {
        let obstacle = checkout::obstacle(&self.app.db, &self.author.actor.id).await?;
        let detail = match obstacle {
            Obstacle::Request => return Ok(already_checking_out()),
            Obstacle::Payment(order) => {
                format!("the payment of order {order} is not settled yet; look at that order, then try again")
            }
            Obstacle::Cart(order) => {
                spawn(self.app.nudge());
                format!(
                    "the cart of order {order}, which is placed, is not cleared yet; try again in a moment"
                )
            }
        };
        Ok(Problem::new(Kind::CheckoutInProgress, detail).retry_after(Duration::from_secs(5)))
    }

    /// Orders what stands in a template. The cart has nothing to do with it, so nothing is claimed.
    pub async fn order_template(self, template: &Template) -> Result<Placement, Problem> {
        let (placed, products) = self.store(Source::Template, Lines::List(&template.items)).await?;
        Ok(Placement { order: self.pay(None, placed).await?, products })
    }

    /// From what shall be ordered to a stored, pending order.
    async fn store(&self, source: Source<'_>, lines: Lines<'_>) -> Result<(Placed, Documents), Problem> {
        let priced = price(self.app, lines, self.author.trace).await?;
        let quote = quote(self.delivery, priced.subtotal, &self.app.delivery_parameters, self.now)?;
        let draft = Draft {
            delivery: self.delivery,
            lines: &priced.lines,
            delivery_fee: quote.fee,
            total: lines.total(priced.subtotal, quote.fee).map_err(Problem::invalid)?,
            estimated_delivery_time: quote.estimated_delivery_time,
            due_at: self.delivery.scheduled_for.map(|time| self.app.schedule.due_at(time, self.now)),
        };
        let placed = orders::place(&self.app.db, source, &draft, self.claim, self.author).await?;
        let products = priced.products.iter().map(|(id, product)| (*id, product.document())).collect();
        Ok((placed.ok_or_else(already_checking_out)?, products))
    }

    /// From a pending order to a confirmed one. From here on the order is stored: whatever can't be
    /// finished here, the task that settles the payment finishes.
    async fn pay(&self, cart: Option<OrderedCart<'_>>, placed: Placed) -> Result<Order, Problem> {
        let Placed { order, charge } = placed;
        let (db, by) = (&self.app.db, By::Request { cart });
        // It is pending only for a moment, which no cache need keep.
        let held = self.app.order_cache.hold(&self.app.redis, slice::from_ref(&order.id), None);
        let settled = settlement::settle(db, &self.app.payments, &charge, by, self.author.trace);
        let (settled, ()) = join(settled, held).await;
        match settled {
            Ok(Settled::Paid(Some(order))) => Ok(order),
            Ok(Settled::Refused(Some(order))) => Err(declined(&order)),
            // While this request waited, a task asked for the payment or somebody cancelled the order.
            Ok(Settled::Paid(None) | Settled::Refused(None)) => {
                as_it_stands(self.app, order, self.claim).await
            }
            Ok(Settled::NotReached(down)) => {
                let trace = self.author.trace;
                match ledger::cancel_unpaid(db, &charge, NotTaken::NotReached, false, trace).await {
                    Ok(Some(_)) => Err(not_reached(self.app, self.claim, down.into()).await),
                    Ok(None) => as_it_stands(self.app, order, self.claim).await,
                    Err(error) => self.left_to_tasks(order, &error).await,
                }
            }
            Ok(Settled::Unknown(_)) => Ok(order),
            Err(error) => self.left_to_tasks(order, &error).await,
        }
    }

    /// The order whose payment's outcome may have been recorded or not, for the answer got lost.
    async fn left_to_tasks(&self, order: Order, error: &DbError) -> Result<Order, Problem> {
        let line = Line::warn("a payment is left to be settled by a task").trace(self.author.trace);
        line.value("order_id", order.id.get()).field("error", error).write();
        match orders::find(&self.app.db, order.id).await {
            Ok(found) => outcome(self.app, found.unwrap_or(order), self.claim).await,
            Err(_) => Ok(order),
        }
    }
}

/// A placed order whose payment is not this request's to settle, as it stands now; or why it is cancelled.
async fn as_it_stands(app: &App, order: Order, claim: Option<&Claim>) -> Result<Order, Problem> {
    let current = orders::find(&app.db, order.id).await?.unwrap_or(order);
    outcome(app, current, claim).await
}

/// A placed order that was just read; or why it is cancelled.
async fn outcome(app: &App, current: Order, claim: Option<&Claim>) -> Result<Order, Problem> {
    if current.status != Status::Cancelled {
        return Ok(current);
    }
    let history = orders::history(&app.db, &current).await?;
    let cancelled =
        history.iter().map(Event::value).find(|data| data["status"] == Status::Cancelled.as_str());
    Err(match cancelled.as_ref().and_then(|data| NotTaken::named(data["reason"].as_str()?)) {
        Some(NotTaken::Declined) => declined(&current),
        Some(NotTaken::NotReached) => {
            not_reached(app, claim, Problem::unavailable("the payment service", "it was not reached")).await
        }
        None => {
            let detail =
                format!("order {} was cancelled meanwhile; what was paid for it goes back", current.id);
            Problem::new(Kind::OrderCancelled, detail)
        }
    })
}

/// The order is cancelled, and the same request may make another one.
async fn not_reached(app: &App, claim: Option<&Claim>, problem: Problem) -> Problem {
    if let Some(claim) = claim
        && let Err(error) = idempotency::forget(&app.db, claim).await
    {
        return error.into();
    }
    problem
}

fn already_checking_out() -> Problem {
    let detail =
        "another order is being made from this cart at the moment; look at your orders, then try again";
    Problem::new(Kind::CheckoutInProgress, detail).retry_after(Duration::from_secs(1))
}

fn declined(order: &Order) -> Problem {
    let detail = format!("the payment was declined, order {} is cancelled; try another way to pay", order.id);
    Problem::new(Kind::PaymentDeclined, detail)
}
