//! Changing the items of an order, such that the customer pays the new total, whatever happens on the
//! way: more is charged before the change, less goes back after it.

use std::time::Duration;

use domain::{CartLine, Lines, Money, Order};
use platform::{
    Author,
    ledger::{self, Movement, NotTaken},
    log::Line,
    orders::{self, Revision},
    services::PaymentOutcome,
};

use crate::{
    App,
    pricing::price,
    problem::{Kind, Problem},
};

/// One request to change an order's items.
pub struct Revising<'a> {
    pub app: &'a App,
    pub author: Author<'a>,
    pub lines: &'a [CartLine],
}

impl Revising<'_> {
    /// Gives the order these items at the prices of today. The delivery fee stays as it was agreed.
    pub async fn run(&self, order: Order) -> Result<Option<Order>, Problem> {
        order.standing().check_items(self.author.actor)?;
        let list = Lines::List(self.lines);
        let priced = price(self.app, list, self.author.trace).await?;
        if order.consists_of(&priced.lines) {
            return Ok(Some(order));
        }
        let total = list.total(priced.subtotal, order.delivery_fee).map_err(Problem::invalid)?;
        let revision = Revision { lines: &priced.lines, total };
        match total.checked_sub(order.total_amount) {
            Some(more) if more > Money::ZERO => self.charge_first(&order, &revision, more).await,
            _ => self.change_at_once(&order, &revision).await,
        }
    }

    /// Changes the items; what was paid too much goes back.
    async fn change_at_once(&self, order: &Order, revision: &Revision<'_>) -> Result<Option<Order>, Problem> {
        let db = &self.app.db;
        let revised = orders::revise(db, order, revision, None, self.author).await?;
        if revised.is_none() && ledger::is_charging(db, order.id).await? {
            return Err(payment_under_way());
        }
        Ok(revised)
    }

    /// Takes the difference, then changes the items; a charge that comes too late is paid back.
    async fn charge_first(
        &self,
        order: &Order,
        revision: &Revision<'_>,
        more: Money,
    ) -> Result<Option<Order>, Problem> {
        let db = &self.app.db;
        let Some(charge) = orders::enter_difference(db, order, more, self.author.trace).await? else {
            let is_unpaid = ledger::is_unpaid(db, order.id).await?;
            return Err(if is_unpaid { never_paid() } else { payment_under_way() });
        };
        match self.app.payments.charge(&charge, self.author.trace).await {
            PaymentOutcome::Approved { reference } => {
                let paid = Some((&charge, reference.as_deref()));
                let revised = orders::revise(db, order, revision, paid, self.author).await?;
                if revised.is_none() {
                    // A task may have been told meanwhile that the charge is declined: the approval is entered, for it to
                    // be paid back. Otherwise this changes nothing.
                    ledger::approve(db, &charge, reference.as_deref(), false, self.author.trace).await?;
                }
                // Deciding anew would charge anew.
                revised.map(Some).ok_or_else(changed_meanwhile)
            }
            PaymentOutcome::Declined => {
                ledger::withdraw(db, &charge, NotTaken::Declined).await?;
                let detail = "the payment of the difference was declined; the order is unchanged";
                Err(Problem::new(Kind::PaymentDeclined, detail))
            }
            PaymentOutcome::NotReached(down) => {
                ledger::withdraw(db, &charge, NotTaken::NotReached).await?;
                Err(down.into())
            }
            PaymentOutcome::Unknown(problem) => Err(self.unknown(&charge, &problem)),
        }
    }

    fn unknown(&self, charge: &Movement, problem: &str) -> Problem {
        let line = Line::warn("the outcome of a difference's payment is unknown; what was taken goes back");
        line.trace(self.author.trace)
            .value("order_id", charge.order_id.get())
            .field("error", problem)
            .write();
        let detail = "the payment service did not answer; the order is unchanged, and what may have been taken \
                      for the change is paid back";
        Problem::new(Kind::Unavailable, detail).retry_after(Duration::from_secs(30))
    }
}

fn payment_under_way() -> Problem {
    let detail =
        "a payment of this order is being settled, or it has just changed; please try again in a moment";
    Problem::new(Kind::PaymentInProgress, detail).retry_after(Duration::from_secs(5))
}

fn never_paid() -> Problem {
    let detail = "the payment of this order was declined, so that a difference alone can't be paid; cancel it and \
                  order anew, or choose items that cost no more";
    Problem::new(Kind::NotPaid, detail)
}

fn changed_meanwhile() -> Problem {
    let detail = "the order was changed while the difference was being paid; it keeps its items, and the \
                  difference is paid back";
    Problem::new(Kind::Overtaken, detail)
}
