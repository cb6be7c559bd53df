//! An order as it is kept.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Money, OrderId, PricedLine, ProductId, Standing, Status, UserId};

/// One product of an order, at the price it was ordered for. Postgres lists these fields in this order, without their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OrderItem")]
pub struct Item {
    pub id: i32,
    pub product_id: ProductId,
    pub quantity: i32,
    pub price: Money,
    pub product_name: Option<String>,
}

/// An order with its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    pub id: OrderId,
    pub user_id: UserId,
    pub delivery_partner_id: Option<UserId>,
    /// Items and delivery fee together.
    pub total_amount: Money,
    pub delivery_fee: Money,
    pub status: Status,
    pub delivery_address: String,
    pub delivery_latitude: Option<String>,
    pub delivery_longitude: Option<String>,
    pub estimated_delivery_time: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub scheduled_for: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The number of the newest event, from 1 without gaps.
    pub version: i32,
    pub items: Vec<Item>,
}

impl Order {
    /// What decides who may see this order, and what a person may do to it.
    pub fn standing(&self) -> Standing {
        Standing {
            user_id: self.user_id.clone(),
            delivery_partner_id: self.delivery_partner_id.clone(),
            status: self.status,
            delivered_at: self.delivered_at,
        }
    }

    /// Whether it consists of these lines, at these prices, in whatever order.
    pub fn consists_of(&self, lines: &[PricedLine]) -> bool {
        let items = self.items.iter().map(|item| (item.product_id, (item.quantity, item.price)));
        let lines = lines.iter().map(|line| (line.product_id, (line.quantity.get(), line.price)));
        self.items.len() == lines.len() && items.collect::<BTreeMap<_, _>>() == lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turned round or made longer, lists that are stored would be misread, by the release before too.
    #[test]
    fn an_item_is_read_with_the_names_of_its_fields_or_without() {
        let named = r#"{"id": 1, "product_id": 5, "quantity": 2, "price": 2.99, "product_name": "Apple"}"#;
        let listed = r#"[1, 5, 2, 2.99, "Apple"]"#;
        let [named, listed] = [named, listed].map(|json| serde_json::from_str::<Item>(json).unwrap());
        assert_eq!(named, listed);
    }
}
