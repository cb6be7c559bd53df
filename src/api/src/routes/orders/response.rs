//! An order as clients see it: the specification's `OrderResponse`, and a little more.

use chrono::{DateTime, Utc};
use domain::{Action, Item, Money, Order, OrderId, ProductId, Status, UserId};
use platform::{
    services::{Documents, Product},
    to_json,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

/// An order as one caller sees it now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderResponse")]
pub struct OrderResponse<'a> {
    #[serde(flatten)]
    pub order: OrderDocument<'a>,
    /// What the caller may do to it now.
    pub allowed_actions: Vec<Action>,
}

/// An order as all see it who may.
#[derive(Serialize, JsonSchema)]
pub struct OrderDocument<'a> {
    id: OrderId,
    user_id: &'a UserId,
    delivery_partner_id: Option<&'a UserId>,
    /// Items and delivery fee together.
    total_amount: Money,
    delivery_fee: Money,
    status: Status,
    delivery_address: &'a str,
    delivery_latitude: Option<&'a str>,
    delivery_longitude: Option<&'a str>,
    estimated_delivery_time: Option<DateTime<Utc>>,
    delivered_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
    scheduled_for: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// The number of the newest event, from 1 without gaps; the ETag.
    version: i32,
    items: Vec<ItemResponse<'a>>,
}

/// One product of an order, at the price it was ordered for.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderItemResponse")]
struct ItemResponse<'a> {
    id: i32,
    product_id: ProductId,
    quantity: i32,
    price: Money,
    product_name: Option<&'a str>,
    /// Null when the product service can't tell now.
    #[schemars(with = "Option<Product>")]
    product: Option<&'a RawValue>,
}

impl<'a> OrderDocument<'a> {
    pub fn new(order: &'a Order, products: &'a Documents) -> Self {
        Self {
            id: order.id,
            user_id: &order.user_id,
            delivery_partner_id: order.delivery_partner_id.as_ref(),
            total_amount: order.total_amount,
            delivery_fee: order.delivery_fee,
            status: order.status,
            delivery_address: &order.delivery_address,
            delivery_latitude: order.delivery_latitude.as_deref(),
            delivery_longitude: order.delivery_longitude.as_deref(),
            estimated_delivery_time: order.estimated_delivery_time,
            delivered_at: order.delivered_at,
            cancelled_at: order.cancelled_at,
            scheduled_for: order.scheduled_for,
            created_at: order.created_at,
            updated_at: order.updated_at,
            version: order.version,
            items: order.items.iter().map(|item| item_response(item, products)).collect(),
        }
    }

    pub fn to_json(&self) -> String {
        to_json(self)
    }
}

/// The JSON of an [`OrderResponse`], made of that of its order.
pub fn with_actions(document: &str, allowed_actions: &[Action]) -> String {
    let actions = to_json(&allowed_actions);
    let fields = document.strip_suffix('}').unwrap_or(document);
    format!("{fields},\"allowed_actions\":{actions}}}")
}

fn item_response<'a>(item: &'a Item, products: &'a Documents) -> ItemResponse<'a> {
    ItemResponse {
        id: item.id,
        product_id: item.product_id,
        quantity: item.quantity,
        price: item.price,
        product_name: item.product_name.as_deref(),
        product: products.get(&item.product_id).map(|product| &**product),
    }
}
