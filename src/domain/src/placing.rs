//! Placing an order: what the customer asks for, and what the cart costs.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::{Coordinates, Invalid, Money, ProductId, text::text};

const MAX_ADDRESS: usize = 1_000;
const MAX_PRODUCTS: usize = 100;
const MAX_QUANTITY: i64 = 9_999;

/// How far ahead a delivery may be scheduled.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub earliest: TimeDelta,
    pub latest: TimeDelta,
}

/// Where and when an order shall be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub address: String,
    pub coordinates: Option<Coordinates>,
    pub scheduled_for: Option<DateTime<Utc>>,
}

impl Delivery {
    /// Reads the specification's `OrderCreate`.
    ///
    /// # Errors
    /// Each missing or wrong field, by its pointer.
    pub fn parse(body: &Value, schedule: Schedule, now: DateTime<Utc>) -> Result<Self, Vec<Invalid>> {
        if !body.is_object() {
            return Err(vec![Invalid::new("", "must be a JSON object")]);
        }
        let address = address(&body["delivery_address"]);
        let coordinates = Coordinates::parse(
            ("/delivery_latitude", &body["delivery_latitude"]),
            ("/delivery_longitude", &body["delivery_longitude"]),
        );
        let scheduled_for = scheduled_for(&body["scheduled_for"], schedule, now);
        match (address, coordinates, scheduled_for) {
            (Ok(address), Ok(coordinates), Ok(scheduled_for)) => {
                Ok(Self { address, coordinates, scheduled_for })
            }
            (address, coordinates, scheduled_for) => {
                let mut faults: Vec<_> = address.err().into_iter().collect();
                faults.extend(coordinates.err().into_iter().flatten());
                faults.extend(scheduled_for.err());
                Err(faults)
            }
        }
    }
}

fn address(value: &Value) -> Result<String, Invalid> {
    let at = "/delivery_address";
    let required = || Invalid::new(at, "is required and must not be blank");
    text(at, value, MAX_ADDRESS)?.ok_or_else(required)
}

fn scheduled_for(
    value: &Value,
    schedule: Schedule,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Invalid> {
    let fault = |detail: String| Err(Invalid::new("/scheduled_for", detail));
    let time = match value {
        Value::Null => return Ok(None),
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok(),
        _ => None,
    };
    let Some(time) = time.map(|t| t.to_utc()) else {
        return fault("must be a time with its offset, such as 2026-01-02T08:00:00Z (RFC 3339)".to_owned());
    };
    if time < now + schedule.earliest {
        return fault(format!("must be at least {} minutes ahead", schedule.earliest.num_minutes()));
    }
    if time > now + schedule.latest {
        return fault(format!("must be at most {} days ahead", schedule.latest.num_days()));
    }
    Ok(Some(time))
}

/// One line of a customer's cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct CartLine {
    pub product_id: ProductId,
    pub quantity: i64,
}

/// What the catalogue says of a product, as far as it decides whether and for how much it is sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogued {
    pub name: String,
    pub price: Money,
    pub stock_quantity: i64,
    pub is_active: bool,
}

/// One line of an order to be: a product, how many, at which price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedLine {
    pub product_id: ProductId,
    pub quantity: i32,
    pub price: Money,
    pub name: String,
}

/// Prices a cart: one line for each product, in the order of their first appearance, and the sum.
/// `catalogue` holds every product of the cart that exists.
///
/// # Errors
/// What stands in the way of the order: an empty cart, each product that is missing, not sold or
/// short of stock, a wrong quantity, a sum out of range.
pub fn price_cart(
    cart: &[CartLine],
    catalogue: &BTreeMap<ProductId, Catalogued>,
) -> Result<(Vec<PricedLine>, Money), Vec<Invalid>> {
    let lines = merged(cart);
    if lines.is_empty() {
        return Err(vec![Invalid::new("/cart/items", "the cart is empty: put something into it first")]);
    }
    if lines.len() > MAX_PRODUCTS {
        let detail = format!("an order takes at most {MAX_PRODUCTS} different products");
        return Err(vec![Invalid::new("/cart/items", detail)]);
    }
    let mut priced = Vec::with_capacity(lines.len());
    let mut faults = Vec::new();
    for (index, line) in &lines {
        match price_line(*index, line, catalogue.get(&line.product_id)) {
            Ok(line) => priced.push(line),
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let subtotal = priced
        .iter()
        .try_fold(Money::ZERO, |sum, line| sum.checked_add(line.price.times(line.quantity.unsigned_abs())?))
        .map_err(|_| vec![Invalid::new("/cart/items", format!("the sum is over {}", Money::MAX))])?;
    Ok((priced, subtotal))
}

/// Lines of one product become one, each with the place of its first in the cart. A line without a
/// sensible quantity of its own stays as it is, for [`price_line`] to refuse.
fn merged(cart: &[CartLine]) -> Vec<(usize, CartLine)> {
    let mut lines: Vec<(usize, CartLine)> = Vec::with_capacity(cart.len());
    for (index, line) in cart.iter().enumerate() {
        let known = lines.iter_mut().find(|(_, known)| known.product_id == line.product_id);
        match known.filter(|(_, known)| known.quantity > 0 && line.quantity > 0) {
            Some((_, known)) => known.quantity = known.quantity.saturating_add(line.quantity),
            None => lines.push((index, *line)),
        }
    }
    lines
}

fn price_line(index: usize, line: &CartLine, product: Option<&Catalogued>) -> Result<PricedLine, Invalid> {
    let CartLine { product_id, quantity } = *line;
    let at = |field: &str| format!("/cart/items/{index}/{field}");
    let Some(product) = product else {
        return Err(Invalid::new(at("product_id"), format!("product {product_id} does not exist")));
    };
    let named = format!("product {product_id} ({})", product.name);
    if !product.is_active || product.price == Money::ZERO {
        return Err(Invalid::new(at("product_id"), format!("{named} is not sold at present")));
    }
    let in_range = i32::try_from(quantity).ok().filter(|_| (1..=MAX_QUANTITY).contains(&quantity));
    let Some(in_range) = in_range else {
        return Err(Invalid::new(at("quantity"), format!("{named}: must be from 1 to {MAX_QUANTITY}")));
    };
    if quantity > product.stock_quantity {
        let left = product.stock_quantity.max(0);
        return Err(Invalid::new(
            at("quantity"),
            format!("{named} is short of stock: {left} left, {quantity} asked for"),
        ));
    }
    Ok(PricedLine { product_id, quantity: in_range, price: product.price, name: product.name.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const SCHEDULE: Schedule = Schedule { earliest: TimeDelta::minutes(30), latest: TimeDelta::days(30) };

    fn parse(body: &Value) -> Result<Delivery, Vec<Invalid>> {
        Delivery::parse(body, SCHEDULE, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn pointers(faults: &[Invalid]) -> Vec<&str> {
        faults.iter().map(|fault| fault.pointer.as_str()).collect()
    }

    #[test]
    fn an_address_is_enough() {
        let delivery = parse(&json!({"delivery_address": "  123 Main St ", "unknown": 1})).unwrap();
        assert_eq!(delivery.address, "123 Main St");
        assert_eq!((delivery.coordinates, delivery.scheduled_for), (None, None));
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let body = json!({"delivery_latitude": "91", "delivery_longitude": "0", "scheduled_for": "soon"});
        let faults = parse(&body).unwrap_err();
        assert_eq!(pointers(&faults), ["/delivery_address", "/delivery_latitude", "/scheduled_for"]);
    }

    #[test]
    fn addresses_are_texts_of_a_sensible_length() {
        for wrong in [json!(null), json!(1), json!(""), json!(" \n"), json!("a\0b"), json!("x".repeat(1001))]
        {
            let faults = parse(&json!({ "delivery_address": wrong })).unwrap_err();
            assert_eq!(pointers(&faults), ["/delivery_address"], "{wrong}");
        }
        assert_eq!(pointers(&parse(&json!([])).unwrap_err()), [""]);
    }

    #[test]
    fn a_delivery_is_scheduled_within_the_window() {
        for (time, fits) in [
            ("2026-01-01T00:30:00Z", true),
            ("2026-01-01T02:30:00+02:00", true),
            ("2026-01-31T00:00:00Z", true),
            ("2026-01-01T00:29:59Z", false),
            ("2026-01-31T00:00:01Z", false),
            ("2025-01-01T00:00:00Z", false),
            ("2026-01-02T08:00:00", false),
            ("2026-02-30T08:00:00Z", false),
        ] {
            let body = json!({"delivery_address": "x", "scheduled_for": time});
            assert_eq!(parse(&body).is_ok(), fits, "{time}");
        }
    }

    fn product(price: &str, stock: i64) -> Catalogued {
        Catalogued {
            name: "Apple".into(),
            price: price.parse().unwrap(),
            stock_quantity: stock,
            is_active: true,
        }
    }

    fn id(number: i64) -> ProductId {
        ProductId::try_from(number).unwrap()
    }

    fn line(product: i64, quantity: i64) -> CartLine {
        CartLine { product_id: id(product), quantity }
    }

    #[test]
    fn a_cart_is_priced_and_lines_of_one_product_are_merged() {
        let catalogue = BTreeMap::from([(id(5), product("2.99", 10)), (id(8), product("0.50", 1))]);
        let (lines, subtotal) = price_cart(&[line(5, 2), line(8, 1), line(5, 1)], &catalogue).unwrap();
        let quantities: Vec<_> = lines.iter().map(|l| (l.product_id.get(), l.quantity)).collect();
        assert_eq!(quantities, [(5, 3), (8, 1)]);
        assert_eq!(subtotal.to_string(), "9.47");
    }

    #[test]
    fn whatever_stands_in_the_way_is_named() {
        let inactive = Catalogued { is_active: false, ..product("1.00", 10) };
        let catalogue = BTreeMap::from([
            (id(1), product("1.00", 3)),
            (id(2), inactive),
            (id(3), product("99999999.99", 10)),
        ]);
        for (cart, pointer, detail) in [
            (vec![], "/cart/items", "the cart is empty: put something into it first"),
            (vec![line(9, 1)], "/cart/items/0/product_id", "product 9 does not exist"),
            (vec![line(2, 1)], "/cart/items/0/product_id", "product 2 (Apple) is not sold at present"),
            (vec![line(1, 0)], "/cart/items/0/quantity", "product 1 (Apple): must be from 1 to 9999"),
            (vec![line(1, i64::MAX)], "/cart/items/0/quantity", "product 1 (Apple): must be from 1 to 9999"),
            (
                vec![line(1, 2), line(1, 2)],
                "/cart/items/0/quantity",
                "product 1 (Apple) is short of stock: 3 left, 4 asked for",
            ),
            (
                vec![line(1, 3), line(1, -1)],
                "/cart/items/1/quantity",
                "product 1 (Apple): must be from 1 to 9999",
            ),
            (vec![line(3, 2)], "/cart/items", "the sum is over 99999999.99"),
        ] {
            let faults = price_cart(&cart, &catalogue).unwrap_err();
            assert_eq!((faults[0].pointer.as_str(), faults[0].detail.as_str()), (pointer, detail));
        }
        let many: Vec<_> = (1..=101).map(|n| line(n, 1)).collect();
        assert_eq!(price_cart(&many, &catalogue).unwrap_err().len(), 1);
    }

    proptest! {
        #[test]
        fn the_subtotal_is_the_sum_of_the_lines(cart in prop::collection::vec((1..20i64, 1..50i64), 1..40)) {
            let catalogue: BTreeMap<_, _> =
                (1..20).map(|n| (id(n), Catalogued { price: Money::from_cents(n as u64 * 37).unwrap(), ..product("1", 9999) })).collect();
            let lines: Vec<_> = cart.iter().map(|(product, quantity)| line(*product, *quantity)).collect();
            let (_, subtotal) = price_cart(&lines, &catalogue).unwrap();
            let expected: i64 = cart.iter().map(|(product, quantity)| product * 37 * quantity).sum();
            prop_assert_eq!(subtotal.cents(), expected as u64);
        }
    }
}
