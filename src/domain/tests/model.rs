//! A model of one order's life: whatever people ask for and however its payments turn out, no
//! invariant breaks. The ledger does here what the statements of `platform` do in SQL.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Action, Actor, CartLine, Catalogued, Item, Lines, Money, Order, OrderId, PricedLine, ProductId, Refusal,
    Role, Status, Step, UserId, holds_the_same,
};
use proptest::{prelude::*, sample::select};

const RETURN_WINDOW: TimeDelta = TimeDelta::days(7);
const PRODUCTS: i64 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Person {
    Owner,
    Stranger,
    Courier,
    OtherCourier,
    Admin,
}

impl Person {
    const ALL: [Self; 5] = [Self::Owner, Self::Stranger, Self::Courier, Self::OtherCourier, Self::Admin];

    fn id(self) -> UserId {
        UserId::try_from(format!("{self:?}")).unwrap()
    }

    fn actor(self) -> Actor {
        let role = match self {
            Self::Owner | Self::Stranger => Role::User,
            Self::Courier | Self::OtherCourier => Role::DeliveryPartner,
            Self::Admin => Role::Admin,
        };
        Actor { id: self.id(), role, email: None }
    }
}

/// What the payment service says to a movement of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Approved,
    Declined,
    Unknown,
}

/// Something that happens to the order.
#[derive(Clone, Debug)]
enum Deed {
    Step(Status),
    /// A step to one of the statuses that may follow, so that a life gets somewhere.
    Advance(usize),
    Cancel,
    Assign(Person),
    Edit(Vec<CartLine>, Outcome),
    RequestReturn,
    Rate,
    ReportLocation,
    /// The oldest movement of money without an outcome is asked for again.
    Settle(Outcome),
    Wait(TimeDelta),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Charge,
    Refund,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Movement {
    kind: Kind,
    amount: Money,
    outcome: Outcome,
}

/// One order, its ledger, and its status at each version.
#[derive(Clone, Debug, PartialEq)]
struct Life {
    order: Order,
    ledger: Vec<Movement>,
    history: Vec<Status>,
    now: DateTime<Utc>,
}

impl Life {
    /// An order as placing stores it: pending, with its charge in the ledger.
    fn begin(lines: &[CartLine]) -> Self {
        let now = DateTime::UNIX_EPOCH;
        let (lines, subtotal) = priced(lines);
        let delivery_fee = Money::from_cents(500).unwrap();
        let order = Order {
            id: OrderId::try_from(1).unwrap(),
            user_id: Person::Owner.id(),
            delivery_partner_id: None,
            total_amount: subtotal.checked_add(delivery_fee).unwrap(),
            delivery_fee,
            status: Status::Pending,
            delivery_address: "123 Main St".into(),
            delivery_latitude: None,
            delivery_longitude: None,
            estimated_delivery_time: None,
            delivered_at: None,
            cancelled_at: None,
            scheduled_for: None,
            created_at: now,
            updated_at: now,
            version: 1,
            items: items(lines),
        };
        let charge = Movement { kind: Kind::Charge, amount: order.total_amount, outcome: Outcome::Unknown };
        Self { order, ledger: vec![charge], history: vec![Status::Pending], now }
    }

    /// Decides as the service does, by the domain's rules, and carries it out.
    fn attempt(&mut self, person: Person, deed: &Deed) -> Result<(), Refusal> {
        let actor = person.actor();
        match deed {
            Deed::Step(to) => self.step(&actor, *to)?,
            Deed::Advance(choice) => {
                let next = self.order.status.successors();
                if !next.is_empty() {
                    self.step(&actor, next[choice % next.len()])?;
                }
            }
            Deed::Cancel => {
                self.order.standing().check_cancel(&actor)?;
                self.set_status(Status::Cancelled);
            }
            Deed::Assign(courier) => {
                let courier = courier.id();
                if self.order.standing().check_assign(&actor, &courier)? == Step::Taken {
                    self.order.delivery_partner_id = Some(courier);
                    self.note();
                }
            }
            Deed::Edit(lines, outcome) => {
                self.order.standing().check_items(&actor)?;
                self.edit(lines, *outcome)?;
            }
            Deed::RequestReturn => {
                self.order.standing().check_return(&actor, self.now, RETURN_WINDOW)?;
                self.set_status(Status::ReturnRequested);
            }
            Deed::Rate => self.order.standing().check_feedback(&actor)?,
            Deed::ReportLocation => {
                self.order.standing().check_report_location(&actor)?;
                self.note();
            }
            Deed::Settle(outcome) => self.settle(*outcome),
            Deed::Wait(time) => self.now += *time,
        }
        Ok(())
    }

    fn step(&mut self, actor: &Actor, to: Status) -> Result<(), Refusal> {
        if self.order.standing().check_step(actor, to)? == Step::Taken {
            self.set_status(to);
        }
        Ok(())
    }

    /// A new version, with its event.
    fn note(&mut self) {
        self.order.version += 1;
        self.history.push(self.order.status);
    }

    fn set_status(&mut self, to: Status) {
        self.order.status = to;
        match to {
            Status::Delivered => self.order.delivered_at = self.order.delivered_at.or(Some(self.now)),
            Status::Cancelled => self.order.cancelled_at = Some(self.now),
            _ => {}
        }
        if to.is_final() {
            self.refund_all_but(Money::ZERO);
        }
        self.note();
    }

    /// A higher total is charged first, a lower one paid back.
    fn edit(&mut self, lines: &[CartLine], outcome: Outcome) -> Result<(), Refusal> {
        if self.ledger.iter().any(|m| m.kind == Kind::Charge && m.outcome == Outcome::Unknown) {
            return Err(Refusal::Now("a payment is under way".into()));
        }
        let (lines, subtotal) = priced(lines);
        let total = subtotal.checked_add(self.order.delivery_fee).unwrap();
        if let Some(amount) = total.checked_sub(self.order.total_amount).filter(|more| *more > Money::ZERO) {
            self.ledger.push(Movement { kind: Kind::Charge, amount, outcome });
            if outcome != Outcome::Approved {
                return Ok(());
            }
        }
        self.order.items = items(lines);
        self.order.total_amount = total;
        self.refund_all_but(total);
        self.note();
        Ok(())
    }

    fn settle(&mut self, outcome: Outcome) {
        let waiting = self.ledger.iter().position(|movement| movement.outcome == Outcome::Unknown);
        let Some(seq) = waiting else { return };
        let (movement, is_first) = (&mut self.ledger[seq], seq == 0);
        match (movement.kind, outcome) {
            // A refund that is refused is asked for again.
            (Kind::Refund, Outcome::Declined) | (_, Outcome::Unknown) => {}
            (Kind::Refund, Outcome::Approved) => movement.outcome = outcome,
            (Kind::Charge, Outcome::Approved) => {
                movement.outcome = outcome;
                let amount = movement.amount;
                if !is_first || self.order.status.is_final() {
                    self.ledger.push(Movement { kind: Kind::Refund, amount, outcome: Outcome::Unknown });
                } else {
                    if self.order.status == Status::Pending {
                        self.order.status = Status::Confirmed;
                    }
                    self.note();
                }
            }
            (Kind::Charge, Outcome::Declined) => {
                movement.outcome = outcome;
                if is_first && self.order.status == Status::Pending {
                    self.set_status(Status::Cancelled);
                }
            }
        }
    }

    /// What is known to be paid and not yet promised back, in cents.
    fn balance(&self) -> i128 {
        let worth = |movement: &Movement| match (movement.kind, movement.outcome) {
            (Kind::Charge, Outcome::Approved) => i128::from(movement.amount.cents()),
            (Kind::Refund, Outcome::Approved | Outcome::Unknown) => -i128::from(movement.amount.cents()),
            _ => 0,
        };
        self.ledger.iter().map(worth).sum()
    }

    fn refund_all_but(&mut self, due: Money) {
        let surplus = self.balance() - i128::from(due.cents());
        if let Some(amount) = u64::try_from(surplus).ok().filter(|cents| *cents > 0) {
            let amount = Money::from_cents(amount).unwrap();
            self.ledger.push(Movement { kind: Kind::Refund, amount, outcome: Outcome::Unknown });
        }
    }

    fn check(&self) {
        let Order { status, version, total_amount, delivery_fee, items, .. } = &self.order;
        let sum: u64 =
            items.iter().map(|item| item.price.cents() * u64::from(item.quantity.unsigned_abs())).sum();
        assert_eq!(total_amount.cents(), sum + delivery_fee.cents(), "the total is items and fee");

        let (total, balance) = (i128::from(total_amount.cents()), self.balance());
        match (status.is_final(), self.ledger[0].outcome) {
            (true, _) => assert_eq!(balance, 0, "an order that is given up costs nothing"),
            (false, Outcome::Approved) => assert_eq!(balance, total, "an order costs its total"),
            // Confirmed by hand before its payment was known: it may come to nothing, but never to more.
            (false, _) => assert!((0..=total).contains(&balance), "nobody pays more than the total"),
        }

        assert_eq!(self.history.len(), usize::try_from(*version).unwrap(), "history has no gaps");
        assert_eq!(self.history.last(), Some(status));
        for pair in self.history.windows(2) {
            assert!(pair[0] == pair[1] || pair[0].successors().contains(&pair[1]), "{pair:?}");
        }
        for person in Person::ALL {
            let allowed = self.order.standing().allowed_actions(&person.actor(), self.now, RETURN_WINDOW);
            assert_eq!(allowed, self.accepted(person), "{person:?}, {status}");
        }
    }

    /// What the person could do now, found out by trying.
    fn accepted(&self, person: Person) -> Vec<Action> {
        let works = |deed: Deed| self.clone().attempt(person, &deed).is_ok();
        let step_works = |to: &Status| self.clone().step(&person.actor(), *to).is_ok();
        // A payment under way passes, that of a pending order with its status.
        let edits = self.order.status != Status::Pending
            && self.order.standing().check_items(&person.actor()).is_ok();
        [
            (Action::ModifyItems, edits),
            (Action::Cancel, works(Deed::Cancel)),
            (Action::UpdateStatus, self.order.status.successors().iter().any(step_works)),
            (Action::AssignDelivery, works(Deed::Assign(Person::Courier))),
            (Action::UpdateLocation, works(Deed::ReportLocation)),
            (Action::RequestReturn, works(Deed::RequestReturn)),
            (Action::SubmitFeedback, works(Deed::Rate)),
        ]
        .into_iter()
        .filter_map(|(action, accepted)| accepted.then_some(action))
        .collect()
    }
}

fn priced(lines: &[CartLine]) -> (Vec<PricedLine>, Money) {
    let catalogue = (1..=PRODUCTS)
        .map(|number| {
            let price = Money::from_cents(number.unsigned_abs() * 137).unwrap();
            let product = Catalogued { name: "Apple".into(), price, stock_quantity: 99, is_active: true };
            (ProductId::try_from(number).unwrap(), product)
        })
        .collect();
    Lines::List(lines).price(&catalogue).unwrap()
}

fn items(lines: Vec<PricedLine>) -> Vec<Item> {
    let item = |PricedLine { product_id, quantity, price, name }| Item {
        id: 1,
        product_id,
        quantity: quantity.get(),
        price,
        product_name: Some(name),
    };
    lines.into_iter().map(item).collect()
}

fn lines() -> impl Strategy<Value = Vec<CartLine>> {
    let line = (1..=PRODUCTS, 1..9i64).prop_map(|(number, quantity)| CartLine {
        product_id: ProductId::try_from(number).unwrap(),
        quantity,
    });
    prop::collection::vec(line, 1..5)
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![3 => Just(Outcome::Approved), 1 => Just(Outcome::Declined), 1 => Just(Outcome::Unknown)]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..2usize).prop_map(Deed::Advance),
        2 => select(&Status::ALL[..]).prop_map(Deed::Step),
        1 => Just(Deed::Cancel),
        3 => select(&[Person::Courier, Person::OtherCourier][..]).prop_map(Deed::Assign),
        4 => (lines(), outcome()).prop_map(|(lines, outcome)| Deed::Edit(lines, outcome)),
        2 => Just(Deed::RequestReturn),
        1 => Just(Deed::Rate),
        1 => Just(Deed::ReportLocation),
        4 => outcome().prop_map(Deed::Settle),
        1 => (1..9i64).prop_map(|days| Deed::Wait(TimeDelta::days(days))),
    ]
}

fn person() -> impl Strategy<Value = Person> {
    prop_oneof![3 => Just(Person::Admin), 2 => Just(Person::Owner), 3 => select(&Person::ALL[..])]
}

proptest! {
    #[test]
    fn whatever_people_do_no_invariant_breaks(
        first in lines(),
        deeds in prop::collection::vec((person(), deed()), 1..60),
    ) {
        let mut life = Life::begin(&first);
        life.check();
        for (person, deed) in &deeds {
            let before = life.clone();
            if life.attempt(*person, deed).is_err() {
                prop_assert_eq!(&life, &before, "a refusal leaves all as it was");
            }
            life.check();
        }
        // In the end everything that waits is settled, and no money is on its way.
        while life.ledger.iter().any(|movement| movement.outcome == Outcome::Unknown) {
            life.settle(Outcome::Approved);
            life.check();
        }
    }

    #[test]
    fn a_cart_holds_what_was_ordered_until_something_is_put_in_or_taken_out(
        (cart, at) in lines().prop_flat_map(|cart| (Just(cart.clone()), 0..cart.len())),
    ) {
        let mut turned = cart.clone();
        turned.reverse();
        prop_assert!(holds_the_same(&turned, &cart), "the order of its lines says nothing");

        let mut fuller = cart.clone();
        fuller[at].quantity += 1;
        prop_assert!(!holds_the_same(&fuller, &cart));
        let mut emptier = cart.clone();
        emptier.remove(at);
        prop_assert!(!holds_the_same(&emptier, &cart));
    }
}
