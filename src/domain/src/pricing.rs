//! What shall be ordered, and what it costs.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Invalid, Money, ProductId, Quantity, both, id::NotAnId, json_integer, quantity::NotAQuantity};

/// The most different products an order takes.
pub const MAX_PRODUCTS: usize = 100;

/// A product and how many of it: a line of a cart, or of a list that a customer wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OrderLine")]
pub struct CartLine {
    pub product_id: ProductId,
    // Not one yet, for another service writes the cart.
    #[schemars(with = "Quantity")]
    pub quantity: i64,
}

/// What shall be ordered, by where it comes from.
#[derive(Clone, Copy, Debug)]
pub enum Lines<'a> {
    /// A customer's cart.
    Cart(&'a [CartLine]),
    /// A list that a customer wrote: of a request, or of a template.
    List(&'a [CartLine]),
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
    pub quantity: Quantity,
    pub price: Money,
    pub name: String,
}

/// Reads `items` of a request: 1 to 100 products, each listed once with its quantity. (A cart may
/// hold several lines of one product, for it grows click by click; a list is written at once.)
///
/// # Errors
/// Each wrong line, by its pointer.
pub fn order_lines(items: &Value) -> Result<Vec<CartLine>, Vec<Invalid>> {
    let Some(items) = items.as_array().filter(|items| (1..=MAX_PRODUCTS).contains(&items.len())) else {
        let detail = format!("must be a list of 1 to {MAX_PRODUCTS} products");
        return Err(vec![Invalid::new("/items", detail)]);
    };
    let mut lines: Vec<CartLine> = Vec::with_capacity(items.len());
    let mut faults = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let at = format!("/items/{index}");
        match order_line(&at, item) {
            Ok(line) if lines.iter().any(|known| known.product_id == line.product_id) => {
                let id = line.product_id;
                let detail = format!("product {id} is listed twice: list it once with its whole quantity");
                faults.push(Invalid::new(format!("{at}/product_id"), detail));
            }
            Ok(line) => lines.push(line),
            Err(wrong) => faults.extend(wrong),
        }
    }
    if faults.is_empty() { Ok(lines) } else { Err(faults) }
}

fn order_line(at: &str, item: &Value) -> Result<CartLine, Vec<Invalid>> {
    let product_id = json_integer(&item["product_id"]).and_then(|id| ProductId::try_from(id).ok());
    let product_id =
        product_id.ok_or_else(|| Invalid::new(format!("{at}/product_id"), NotAnId::Number.to_string()));
    let quantity = json_integer(&item["quantity"]).and_then(|number| Quantity::try_from(number).ok());
    let quantity = quantity.ok_or_else(|| Invalid::new(format!("{at}/quantity"), NotAQuantity.to_string()));
    let (product_id, quantity) = both(product_id, quantity)?;
    Ok(CartLine { product_id, quantity: quantity.get().into() })
}

impl<'a> Lines<'a> {
    fn all(self) -> &'a [CartLine] {
        match self {
            Self::Cart(lines) | Self::List(lines) => lines,
        }
    }

    /// Where what is wrong with them is pointed at.
    fn at(self) -> &'static str {
        match self {
            Self::Cart(_) => "/cart/items",
            Self::List(_) => "/items",
        }
    }

    /// Their products, no more than an order takes: each will be asked for.
    ///
    /// # Errors
    /// They are too many, or the cart is empty.
    pub fn products(self) -> Result<BTreeSet<ProductId>, Vec<Invalid>> {
        let products: BTreeSet<_> = self.all().iter().map(|line| line.product_id).collect();
        if products.len() > MAX_PRODUCTS {
            return Err(self.fault(&format!("an order takes at most {MAX_PRODUCTS} different products")));
        }
        match self {
            Self::Cart([]) => Err(self.fault("the cart is empty: put something into it first")),
            Self::List([]) => Err(self.fault("must not be empty")),
            _ => Ok(products),
        }
    }

    /// Prices them: one line for each product, in the order of their first appearance, and the sum. `catalogue` holds
    /// every product of the lines that exists.
    ///
    /// # Errors
    /// What stands in the way of the order: too many products or none, each that is missing, not sold or short of
    /// stock, a wrong quantity, a sum out of range.
    pub fn price(
        self,
        catalogue: &BTreeMap<ProductId, Catalogued>,
    ) -> Result<(Vec<PricedLine>, Money), Vec<Invalid>> {
        self.products()?;
        let lines = merged(self.all());
        let mut priced = Vec::with_capacity(lines.len());
        let mut faults = Vec::new();
        for (index, line) in &lines {
            match price_line(&format!("{}/{index}", self.at()), line, catalogue.get(&line.product_id)) {
                Ok(line) => priced.push(line),
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            // A cart may repeat a wrong line as often as it likes.
            faults.truncate(MAX_PRODUCTS);
            return Err(faults);
        }
        let subtotal = priced
            .iter()
            .try_fold(Money::ZERO, |sum, line| sum.checked_add(line.price.times(line.quantity)?));
        Ok((priced, subtotal.map_err(|_| self.too_much())?))
    }

    /// What they cost together with their delivery.
    ///
    /// # Errors
    /// The sum is out of range.
    pub fn total(self, subtotal: Money, delivery_fee: Money) -> Result<Money, Vec<Invalid>> {
        subtotal.checked_add(delivery_fee).map_err(|_| self.too_much())
    }

    fn too_much(self) -> Vec<Invalid> {
        self.fault(&format!("the sum is over {}", Money::MAX))
    }

    /// What is wrong with them as a whole.
    fn fault(self, detail: &str) -> Vec<Invalid> {
        vec![Invalid::new(self.at(), detail)]
    }
}

/// Lines of one product become one, each with the place of its first. A line without a
/// sensible quantity of its own stays as it is, for [`price_line`] to refuse.
fn merged(given: &[CartLine]) -> Vec<(usize, CartLine)> {
    let mut lines: Vec<(usize, CartLine)> = Vec::with_capacity(given.len());
    for (index, line) in given.iter().enumerate() {
        let known = lines.iter_mut().find(|(_, known)| known.product_id == line.product_id);
        match known.filter(|(_, known)| known.quantity > 0 && line.quantity > 0) {
            Some((_, known)) => known.quantity = known.quantity.saturating_add(line.quantity),
            None => lines.push((index, *line)),
        }
    }
    lines
}

/// Whether a cart holds what was ordered, no more and no less, in whatever order.
pub fn holds_the_same(cart: &[CartLine], ordered: &[CartLine]) -> bool {
    let [cart, ordered] = [cart, ordered].map(|lines| {
        merged(lines)
            .into_iter()
            .map(|(_, line)| (line.product_id, line.quantity))
            .collect::<BTreeMap<_, _>>()
    });
    cart == ordered
}

fn price_line(at: &str, line: &CartLine, product: Option<&Catalogued>) -> Result<PricedLine, Invalid> {
    let CartLine { product_id, quantity } = *line;
    let at = |field: &str| format!("{at}/{field}");
    let Some(product) = product else {
        return Err(Invalid::new(
            at("product_id"),
            format!("product {product_id} does not exist, or can't be sold"),
        ));
    };
    let named = format!("product {product_id} ({})", product.name);
    if !product.is_active || product.price == Money::ZERO {
        return Err(Invalid::new(at("product_id"), format!("{named} is not sold at present")));
    }
    let ordered = Quantity::try_from(quantity)
        .map_err(|error| Invalid::new(at("quantity"), format!("{named}: {error}")))?;
    if quantity > product.stock_quantity {
        let left = product.stock_quantity.max(0);
        return Err(Invalid::new(
            at("quantity"),
            format!("{named} is short of stock: {left} left, {quantity} asked for"),
        ));
    }
    Ok(PricedLine { product_id, quantity: ordered, price: product.price, name: product.name.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn pointers(faults: &[Invalid]) -> Vec<&str> {
        faults.iter().map(|fault| fault.pointer.as_str()).collect()
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
        let (lines, subtotal) = Lines::Cart(&[line(5, 2), line(8, 1), line(5, 1)]).price(&catalogue).unwrap();
        let quantities: Vec<_> = lines.iter().map(|l| (l.product_id.get(), l.quantity.get())).collect();
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
            (vec![line(9, 1)], "/cart/items/0/product_id", "product 9 does not exist, or can't be sold"),
            (vec![line(2, 1)], "/cart/items/0/product_id", "product 2 (Apple) is not sold at present"),
            (
                vec![line(1, 0)],
                "/cart/items/0/quantity",
                "product 1 (Apple): must be a whole number from 1 to 9999",
            ),
            (
                vec![line(1, i64::MAX)],
                "/cart/items/0/quantity",
                "product 1 (Apple): must be a whole number from 1 to 9999",
            ),
            (
                vec![line(1, 2), line(1, 2)],
                "/cart/items/0/quantity",
                "product 1 (Apple) is short of stock: 3 left, 4 asked for",
            ),
            (
                vec![line(1, 3), line(1, -1)],
                "/cart/items/1/quantity",
                "product 1 (Apple): must be a whole number from 1 to 9999",
            ),
            (vec![line(3, 2)], "/cart/items", "the sum is over 99999999.99"),
        ] {
            let faults = Lines::Cart(&cart).price(&catalogue).unwrap_err();
            assert_eq!((faults[0].pointer.as_str(), faults[0].detail.as_str()), (pointer, detail));
        }
        let many: Vec<_> = (1..=101).map(|n| line(n, 1)).collect();
        assert_eq!(Lines::Cart(&many).price(&catalogue).unwrap_err().len(), 1);
    }

    #[test]
    fn a_list_names_each_product_once() {
        let lines = order_lines(&json!([
            {"product_id": 5, "quantity": 2, "note": "ripe"},
            {"product_id": 8.0, "quantity": 9999.0},
        ]));
        assert_eq!(lines.unwrap(), [line(5, 2), line(8, 9999)]);
        for (items, expected) in [
            (json!(null), vec!["/items"]),
            (json!([]), vec!["/items"]),
            (json!({"0": 1}), vec!["/items"]),
            (json!(vec![json!({"product_id": 5, "quantity": 1}); 101]), vec!["/items"]),
            (json!([5]), vec!["/items/0/product_id", "/items/0/quantity"]),
            (json!([{"product_id": "5", "quantity": 1.5}]), vec!["/items/0/product_id", "/items/0/quantity"]),
            (
                json!([{"product_id": 5, "quantity": 0}, {"product_id": 0, "quantity": 1}]),
                vec!["/items/0/quantity", "/items/1/product_id"],
            ),
            (json!([{"product_id": 5, "quantity": 10_000}]), vec!["/items/0/quantity"]),
            (
                json!([{"product_id": 5, "quantity": 1}, {"product_id": 5.0, "quantity": 1}]),
                vec!["/items/1/product_id"],
            ),
        ] {
            assert_eq!(pointers(&order_lines(&items).unwrap_err()), expected, "{items}");
        }
    }

    #[test]
    fn faults_of_other_lines_point_into_them() {
        let faults = Lines::List(&[line(5, 1)]).price(&BTreeMap::new()).unwrap_err();
        assert_eq!(pointers(&faults), ["/items/0/product_id"]);
    }

    proptest! {
        #[test]
        fn the_subtotal_is_the_sum_of_the_lines(cart in prop::collection::vec((1..20i64, 1..50i64), 1..40)) {
            let catalogue: BTreeMap<_, _> =
                (1..20).map(|n| (id(n), Catalogued { price: Money::from_cents(n as u64 * 37).unwrap(), ..product("1", 9999) })).collect();
            let lines: Vec<_> = cart.iter().map(|(product, quantity)| line(*product, *quantity)).collect();
            let (_, subtotal) = Lines::Cart(&lines).price(&catalogue).unwrap();
            let expected: i64 = cart.iter().map(|(product, quantity)| product * 37 * quantity).sum();
            prop_assert_eq!(subtotal.cents(), expected as u64);
        }
    }
}
