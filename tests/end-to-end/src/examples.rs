//! What the specification's examples send and name.

use serde_json::{Value, json};

/// Every status of an order, as the specification has them: not taken from the service, which they prove right.
pub const STATUSES: [&str; 10] = [
    "pending",
    "confirmed",
    "preparing",
    "out_for_delivery",
    "delivered",
    "cancelled",
    "return_requested",
    "return_approved",
    "picked_up",
    "refunded",
];

/// An order's body.
pub fn an_order() -> Value {
    json!({
        "delivery_address": "123 Main St, City, State 12345",
        "delivery_latitude": "40.7128",
        "delivery_longitude": "-74.0060",
    })
}

/// Where a courier is.
pub fn a_place() -> Value {
    json!({ "latitude": "40.7128", "longitude": "-74.0060" })
}
