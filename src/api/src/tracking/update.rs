//! What happened to an order in the form of Server-Sent Events.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use domain::{Order, OrderId, Status, UserId};
use platform::{orders::Event, to_json};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// One event of an order, ready to be sent.
#[derive(Debug)]
pub struct Update {
    pub version: i32,
    pub text: String,
    /// The courier that the order was given to.
    pub given_to: Option<String>,
    /// Whether nothing can follow.
    pub is_final: bool,
}

/// The data of a Server-Sent Event: an entry of the order's history without its author.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TrackingUpdate")]
struct Document<'a> {
    order_id: OrderId,
    version: i32,
    #[serde(rename = "type")]
    kind: &'a str,
    #[schemars(with = "Value")]
    data: &'a RawValue,
    created_at: DateTime<Utc>,
}

/// The data of the event that a new stream begins with.
#[derive(Serialize)]
struct State<'a> {
    status: Status,
    delivery_partner_id: Option<&'a UserId>,
    estimated_delivery_time: Option<DateTime<Utc>>,
    location: Option<&'a RawValue>,
}

/// A Server-Sent Event as its reader takes it apart.
pub struct StreamedEvent;

impl JsonSchema for StreamedEvent {
    fn schema_name() -> Cow<'static, str> {
        "TrackingEvent".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A Server-Sent Event, taken apart.",
            "type": "object",
            "required": ["event", "id", "data"],
            "properties": {
                "event": { "type": "string", "description": "Such as `status` or `location`." },
                "id": { "type": "string", "pattern": "^[1-9][0-9]*$", "description": "The order's version." },
                "data": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": generator.subschema_for::<Document<'_>>(),
                },
            },
        })
    }
}

impl From<&Event> for Update {
    fn from(event: &Event) -> Self {
        let document = Document {
            order_id: event.order_id,
            version: event.version,
            kind: &event.kind,
            data: &event.data,
            created_at: event.created_at,
        };
        // Its placing is where an order's first status comes from.
        let name = if event.kind == "placed" { "status" } else { &event.kind };
        let data = event.value();
        let status = data["status"].as_str().and_then(Status::named);
        Self {
            version: event.version,
            text: server_sent(name, &document),
            given_to: data["delivery_partner_id"].as_str().map(str::to_owned),
            // Nothing follows the erasure of a person's data either.
            is_final: name == "erased" || name == "status" && status.is_some_and(Status::is_final),
        }
    }
}

/// An order as it stands, as the event that a new stream begins with.
pub fn current_state(order: &Order, location: Option<&Event>) -> String {
    let state = State {
        status: order.status,
        delivery_partner_id: order.delivery_partner_id.as_ref(),
        estimated_delivery_time: order.estimated_delivery_time,
        location: location.map(|event| &*event.data),
    };
    let data = to_raw_value(&state).expect("our own types have no unserializable values");
    let document = Document {
        order_id: order.id,
        version: order.version,
        kind: "status",
        data: &data,
        created_at: order.updated_at,
    };
    server_sent("status", &document)
}

fn server_sent(name: &str, document: &Document<'_>) -> String {
    // JSON has no line breaks of its own.
    let data = to_json(document);
    format!("event: {name}\nid: {}\ndata: {data}\n\n", document.version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn update(kind: &str, data: Value) -> Update {
        let event = json!({
            "order_id": 7, "version": 3, "type": kind, "actor_id": "eve", "actor_role": "admin",
            "data": data, "created_at": "2026-01-01T10:00:00Z"
        });
        Update::from(&serde_json::from_value::<Event>(event).unwrap())
    }

    #[test]
    fn an_event_is_sent_with_its_version_as_id() {
        let update = update("status", json!({ "status": "preparing", "note": "two\nlines" }));
        let says = "event: status\nid: 3\ndata: {\"order_id\":7,\"version\":3,\"type\":\"status\",\
            \"data\":{\"note\":\"two\\nlines\",\"status\":\"preparing\"},\
            \"created_at\":\"2026-01-01T10:00:00Z\"}\n\n";
        assert_eq!(update.text, says);
        assert!(!update.is_final);
    }

    #[test]
    fn placing_is_a_status_and_a_final_status_is_told_apart() {
        let placed = update("placed", json!({ "status": "pending" }));
        assert!(placed.text.starts_with("event: status\n") && placed.text.contains("\"type\":\"placed\""));
        for status in Status::ALL {
            assert_eq!(update("status", json!({ "status": status })).is_final, status.is_final());
        }
    }

    #[test]
    fn a_change_of_courier_says_who_it_is_now() {
        let given = update("delivery", json!({ "delivery_partner_id": "bob" }));
        assert_eq!(given.given_to.as_deref(), Some("bob"));
    }
}
