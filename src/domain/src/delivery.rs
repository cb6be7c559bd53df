//! Where and when a customer wants an order delivered.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::{
    Coordinates, Invalid, both, parse_time,
    text::{WORDS, required_text},
};

const MAX_ADDRESS: usize = 1_000;
const COORDINATES: [&str; 2] = ["delivery_latitude", "delivery_longitude"];

/// How far ahead a delivery may be scheduled, and how long before its time it is taken up.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub earliest: TimeDelta,
    pub latest: TimeDelta,
    pub lead: TimeDelta,
}

impl Schedule {
    /// When a delivery for that time comes due: its lead before it, at once if that is over.
    pub fn due_at(self, scheduled_for: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        now.max(scheduled_for - self.lead)
    }
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
        let address = required_text("/delivery_address", &body["delivery_address"], MAX_ADDRESS);
        let coordinates = Coordinates::parse(body, COORDINATES);
        let scheduled_for = scheduled_for(&body["scheduled_for"], schedule, now);
        let ((address, coordinates), scheduled_for) = both(both(address, coordinates), scheduled_for)?;
        Ok(Self { address, coordinates, scheduled_for })
    }
}

/// A delivery at a time to come, which is required here.
pub struct ScheduledDelivery;

impl ScheduledDelivery {
    /// As [`Delivery::parse`], where `scheduled_for` is required.
    ///
    /// # Errors
    /// As [`Delivery::parse`].
    pub fn parse(body: &Value, schedule: Schedule, now: DateTime<Utc>) -> Result<Delivery, Vec<Invalid>> {
        let is_given = !body["scheduled_for"].is_null();
        let given = is_given.then_some(()).ok_or_else(|| Invalid::new("/scheduled_for", "is required here"));
        let (delivery, ()) = both(Delivery::parse(body, schedule, now), given)?;
        Ok(delivery)
    }
}

impl JsonSchema for Delivery {
    fn schema_name() -> Cow<'static, str> {
        "OrderCreate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = json_schema!({
            "type": "object",
            "required": ["delivery_address"],
            "properties": {
                "delivery_address": {
                    "type": "string", "minLength": 1, "maxLength": MAX_ADDRESS, "pattern": WORDS,
                },
                "scheduled_for": generator.subschema_for::<Option<DateTime<Utc>>>(),
            },
        });
        Coordinates::add_to(&mut schema, COORDINATES);
        schema
    }
}

impl JsonSchema for ScheduledDelivery {
    fn schema_name() -> Cow<'static, str> {
        "ScheduledOrderCreate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Delivery::json_schema(generator);
        schema.insert("required".to_owned(), json!(["delivery_address", "scheduled_for"]));
        if let Some(properties) = schema.get_mut("properties") {
            properties["scheduled_for"] = generator.subschema_for::<DateTime<Utc>>().into();
        }
        schema
    }
}

fn scheduled_for(
    value: &Value,
    schedule: Schedule,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Invalid> {
    let at = "/scheduled_for";
    let fault = |detail: String| Err(Invalid::new(at, detail));
    if value.is_null() {
        return Ok(None);
    }
    let time = parse_time(at, value.as_str().unwrap_or_default())?;
    if time < now + schedule.earliest {
        return fault(format!("must be at least {} minutes ahead", schedule.earliest.num_minutes()));
    }
    if time > now + schedule.latest {
        return fault(format!("must be at most {} days ahead", schedule.latest.num_days()));
    }
    Ok(Some(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        earliest: TimeDelta::minutes(30),
        latest: TimeDelta::days(30),
        lead: TimeDelta::minutes(60),
    };

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
    fn a_missing_time_is_named_with_the_rest_where_it_is_required() {
        let parse =
            |body: &Value| ScheduledDelivery::parse(body, SCHEDULE, "2026-01-01T00:00:00Z".parse().unwrap());
        for (body, expected) in [
            (json!({}), &["/delivery_address", "/scheduled_for"][..]),
            (json!({"delivery_address": "x", "scheduled_for": null}), &["/scheduled_for"]),
            (json!({"scheduled_for": "soon"}), &["/delivery_address", "/scheduled_for"]),
        ] {
            assert_eq!(pointers(&parse(&body).unwrap_err()), expected, "{body}");
        }
        let body = json!({"delivery_address": "x", "scheduled_for": "2026-01-02T08:00:00Z"});
        assert!(parse(&body).unwrap().scheduled_for.is_some());
    }

    #[test]
    fn addresses_are_texts_of_a_sensible_length() {
        for wrong in [json!(null), json!(1), json!(""), json!(" \n"), json!("a\0b"), json!("x".repeat(1001))]
        {
            let faults = parse(&json!({ "delivery_address": wrong })).unwrap_err();
            assert_eq!(pointers(&faults), ["/delivery_address"], "{wrong}");
        }
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

    #[test]
    fn an_order_comes_due_its_lead_before_its_time_but_never_in_the_past() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let now = at("2026-01-01T00:00:00Z");
        for (scheduled_for, due_at) in [
            ("2026-01-02T08:00:00Z", "2026-01-02T07:00:00Z"),
            ("2026-01-01T01:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:30:00Z", "2026-01-01T00:00:00Z"),
        ] {
            assert_eq!(SCHEDULE.due_at(at(scheduled_for), now), at(due_at));
        }
    }
}
