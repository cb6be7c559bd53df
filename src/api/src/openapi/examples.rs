//! The examples of the specification.

use serde_json::{Value, json};

/// A delivery that is asked for.
pub fn delivery() -> Value {
    json!({
        "delivery_address": "123 Main St, City, State 12345",
        "delivery_latitude": "40.7128",
        "delivery_longitude": "-74.0060",
    })
}

/// The same for a time to come.
pub fn scheduled_delivery() -> Value {
    let mut delivery = delivery();
    delivery["scheduled_for"] = json!("2023-01-02T08:00:00Z");
    delivery
}

/// An order of that status.
pub fn order(status: &str) -> Value {
    let is_delivered = status == "delivered";
    json!({
        "id": 1,
        "user_id": "123",
        "delivery_partner_id": if matches!(status, "pending" | "confirmed") { Value::Null } else { json!("456") },
        "total_amount": 25.97,
        "delivery_fee": 5.0,
        "status": status,
        "delivery_address": "123 Main St, City, State 12345",
        "delivery_latitude": "40.7128",
        "delivery_longitude": "-74.0060",
        "estimated_delivery_time": "2023-01-01T13:30:00Z",
        "delivered_at": is_delivered.then_some("2023-01-01T13:25:00Z"),
        "cancelled_at": null,
        "scheduled_for": null,
        "created_at": "2023-01-01T13:00:00Z",
        "updated_at": "2023-01-01T13:25:00Z",
        "version": 2,
        "allowed_actions": match status {
            "pending" => json!(["cancel"]),
            "confirmed" => json!(["modify_items", "cancel"]),
            "delivered" => json!(["request_return", "submit_feedback"]),
            _ => json!([]),
        },
        "items": [{
            "id": 1,
            "product_id": 5,
            "quantity": 2,
            "price": 2.99,
            "product_name": "Apple",
            "product": {
                "id": 5,
                "name": "Apple",
                "description": "Fresh red apples",
                "price": 2.99,
                "mrp": 3.99,
                "category_id": 1,
                "image_url": "https://example.com/apple.jpg",
                "stock_quantity": 100,
                "unit": "kg",
                "is_active": true,
                "created_at": "2023-01-01T00:00:00Z",
            },
        }],
    })
}

/// An order as it stands in an export.
pub fn exported() -> Value {
    let mut order = order("delivered");
    if let Some(fields) = order.as_object_mut() {
        fields.remove("allowed_actions");
    }
    if let Some(item) = order["items"][0].as_object_mut() {
        item.remove("product");
    }
    order
}

/// What an order shall consist of.
pub fn items() -> Value {
    json!({ "items": [{ "product_id": 5, "quantity": 3 }, { "product_id": 8, "quantity": 1 }] })
}

/// A template that shall be kept.
pub fn template_draft() -> Value {
    json!({
        "name": "Weekly Grocery Pack",
        "items": [{ "product_id": 5, "quantity": 2 }, { "product_id": 8, "quantity": 1 }],
    })
}

/// A template that is kept.
pub fn template() -> Value {
    let mut template = template_draft();
    template["id"] = json!(1);
    template["user_id"] = json!("123");
    template["created_at"] = json!("2023-01-01T13:00:00Z");
    template["updated_at"] = json!("2023-01-01T13:00:00Z");
    template
}

/// Where an order is.
pub fn location() -> Value {
    json!({
        "order_id": 1, "latitude": "40.7128", "longitude": "-74.0060", "last_updated": "2023-01-01T13:25:00Z",
    })
}

/// An entry of an order's history.
pub fn event() -> Value {
    json!({
        "order_id": 1,
        "version": 2,
        "type": "status",
        "actor_id": "123",
        "actor_role": "user",
        "data": { "status": "confirmed" },
        "created_at": "2023-01-01T13:00:00Z",
    })
}

/// What a customer thought of an order.
pub fn feedback() -> Value {
    json!({
        "id": 1, "order_id": 1, "rating": 5, "comment": "Fast delivery!", "created_at": "2023-01-01T14:00:00Z",
    })
}
