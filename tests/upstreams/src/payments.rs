//! The payment service: charges and refunds, once per Idempotency-Key, and the books of each order.

use std::collections::HashMap;

use hyper::StatusCode;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use crate::reply::Answer;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Charge,
    Refund,
}

/// A request to move money, with an amount exact to the cent.
#[derive(Clone, Debug, PartialEq)]
pub struct Movement {
    pub kind: Kind,
    pub user_id: String,
    pub order_id: i64,
    pub amount: Decimal,
}

impl Movement {
    pub fn parse(kind: Kind, body: &[u8]) -> Result<Movement, String> {
        #[derive(Deserialize)]
        struct Body {
            user_id: String,
            order_id: i64,
            // The text itself: a binary float would hide an amount that is off by a hair.
            amount: Box<RawValue>,
        }
        let body: Body = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let amount = Decimal::from_str_exact(body.amount.get())
            .map_err(|_| format!("amount is not a number: {}", body.amount))?;
        if amount <= Decimal::ZERO || amount.normalize().scale() > 2 {
            return Err(format!("amount must be positive and in cents: {amount}"));
        }
        Ok(Movement { kind, user_id: body.user_id, order_id: body.order_id, amount })
    }
}

#[derive(Clone, Debug, Serialize)]
struct Entry {
    #[serde(with = "rust_decimal::serde::str")]
    amount: Decimal,
    idempotency_key: Option<String>,
    user_id: String,
}

/// What happened to one order's money. Amounts are decimal strings.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Books {
    charges: Vec<Entry>,
    refunds: Vec<Entry>,
    /// Calls that repeated an earlier one's key and were answered without moving money.
    duplicates: u32,
}

impl Books {
    fn paid(&self) -> Decimal {
        let sum = |entries: &[Entry]| entries.iter().map(|entry| entry.amount).sum::<Decimal>();
        sum(&self.charges) - sum(&self.refunds)
    }
}

#[derive(Default)]
pub struct Payments {
    by_order: HashMap<i64, Books>,
    by_key: HashMap<String, (Movement, Answer)>,
    moved: u64,
}

impl Payments {
    pub fn books(&self, order_id: i64) -> Books {
        self.by_order.get(&order_id).cloned().unwrap_or_default()
    }

    pub fn carry_out(&mut self, movement: Movement, key: Option<&str>) -> Answer {
        if let Some((first, answer)) = key.and_then(|key| self.by_key.get(key)) {
            if *first != movement {
                return Answer::invalid("This Idempotency-Key was used for another payment");
            }
            self.by_order.entry(movement.order_id).or_default().duplicates += 1;
            return answer.clone();
        }
        let answer = self.record(&movement, key);
        if let Some(key) = key {
            self.by_key.insert(key.into(), (movement, answer.clone()));
        }
        answer
    }

    /// Declines a movement, unless it was carried out before: asking again gets the same answer.
    pub fn decline(&self, key: Option<&str>) -> Answer {
        let earlier = key.and_then(|key| self.by_key.get(key));
        earlier.map_or_else(declined, |(_, answer)| answer.clone())
    }

    fn record(&mut self, movement: &Movement, key: Option<&str>) -> Answer {
        let books = self.by_order.entry(movement.order_id).or_default();
        let entry = Entry {
            amount: movement.amount,
            idempotency_key: key.map(Into::into),
            user_id: movement.user_id.clone(),
        };
        match movement.kind {
            Kind::Charge => books.charges.push(entry),
            Kind::Refund if movement.amount > books.paid() => {
                return Answer::invalid("More than was paid for this order");
            }
            Kind::Refund => books.refunds.push(entry),
        }
        self.moved += 1;
        Answer::ok(json!({
            "payment_id": format!("pay_{:06}", self.moved),
            "order_id": movement.order_id,
            "status": "succeeded",
            "amount": movement.amount.to_string(),
        }))
    }
}

fn declined() -> Answer {
    Answer::detail(StatusCode::PAYMENT_REQUIRED, "Your card was declined.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn movement(kind: Kind, cents: i64) -> Movement {
        Movement { kind, user_id: "ann".into(), order_id: 1, amount: Decimal::new(cents, 2) }
    }

    #[test]
    fn the_same_key_charges_once_and_answers_the_same() {
        let mut payments = Payments::default();
        let first = payments.carry_out(movement(Kind::Charge, 2597), Some("1-1"));
        let again = payments.carry_out(movement(Kind::Charge, 2597), Some("1-1"));
        assert_eq!(first, again);
        assert_eq!(payments.books(1).charges.len(), 1);
        assert_eq!(payments.books(1).duplicates, 1);
    }

    #[test]
    fn the_same_key_for_another_amount_is_refused() {
        let mut payments = Payments::default();
        payments.carry_out(movement(Kind::Charge, 2597), Some("1-1"));
        let other = payments.carry_out(movement(Kind::Charge, 2598), Some("1-1"));
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
        let refund = payments.carry_out(movement(Kind::Refund, 2597), Some("1-1"));
        assert_eq!(refund.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(payments.books(1).paid(), Decimal::new(2597, 2));
    }

    #[test]
    fn what_was_charged_is_not_declined_afterwards() {
        let mut payments = Payments::default();
        assert_eq!(payments.decline(Some("1-1")), declined());
        let charged = payments.carry_out(movement(Kind::Charge, 100), Some("1-1"));
        assert_eq!(payments.decline(Some("1-1")), charged);
        assert_eq!(payments.decline(Some("1-2")), declined());
    }

    #[test]
    fn without_a_key_each_call_charges() {
        let mut payments = Payments::default();
        payments.carry_out(movement(Kind::Charge, 100), None);
        payments.carry_out(movement(Kind::Charge, 100), None);
        assert_eq!(payments.books(1).paid(), Decimal::new(200, 2));
    }

    #[test]
    fn no_more_is_refunded_than_was_paid() {
        let mut payments = Payments::default();
        payments.carry_out(movement(Kind::Charge, 100), Some("1-1"));
        let part = payments.carry_out(movement(Kind::Refund, 60), Some("1-2"));
        let too_much = payments.carry_out(movement(Kind::Refund, 41), Some("1-3"));
        assert_eq!(part.status, StatusCode::OK);
        assert_eq!(too_much.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(payments.books(1).paid(), Decimal::new(40, 2));
    }

    #[test]
    fn an_amount_is_exact_to_the_cent() {
        let parse = |amount: &str| {
            let body = format!(r#"{{"user_id":"ann","order_id":1,"amount":{amount}}}"#);
            Movement::parse(Kind::Charge, body.as_bytes()).map(|movement| movement.amount)
        };
        assert_eq!(parse("25.97"), Ok(Decimal::new(2597, 2)));
        assert_eq!(parse("26"), Ok(Decimal::new(2600, 2)));
        for wrong in ["25.970000001", "0", "-1.00", "\"25.97\"", "null"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
