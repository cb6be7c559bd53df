//! A place on earth in decimal degrees, kept in the digits it was given in.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Number, Value, json};

use crate::{Invalid, both};

/// The longest text that the schema's `varchar(20)` takes.
const MAX_LENGTH: usize = 20;

const MAX_LATITUDE: f64 = 90.0;
const MAX_LONGITUDE: f64 = 180.0;

/// The texts that are read as a latitude or a longitude, range included.
const LATITUDE: &str = r"^-?(0?[0-8]?[0-9](\.[0-9]+)?|0?90(\.0+)?)$";
const LONGITUDE: &str = r"^-?((1[0-7][0-9]|0?[0-9]?[0-9])(\.[0-9]+)?|180(\.0+)?)$";

/// A latitude and a longitude in range, in the digits that the client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coordinates {
    latitude: String,
    longitude: String,
}

impl Coordinates {
    /// Reads an optional pair of a body's fields: decimal strings or numbers, both or neither.
    ///
    /// # Errors
    /// Each value that isn't a coordinate or is missing beside the other, by its pointer.
    pub fn parse(body: &Value, [latitude, longitude]: [&str; 2]) -> Result<Option<Self>, Vec<Invalid>> {
        if body[latitude].is_null() && body[longitude].is_null() {
            return Ok(None);
        }
        let given = |field: &str, limit, other| match &body[field] {
            Value::Null => {
                Err(Invalid::new(format!("/{field}"), format!("is required where {other} is given")))
            }
            value => degrees(&format!("/{field}"), value, limit),
        };
        let (latitude, longitude) =
            both(given(latitude, MAX_LATITUDE, longitude), given(longitude, MAX_LONGITUDE, latitude))?;
        Ok(Some(Self { latitude, longitude }))
    }

    pub fn latitude(&self) -> &str {
        &self.latitude
    }

    pub fn longitude(&self) -> &str {
        &self.longitude
    }

    /// Adds the two to the schema of an object that may hold them: both or neither.
    pub(crate) fn add_to(schema: &mut Schema, [latitude_at, longitude_at]: [&str; 2]) {
        let given = json!({ "type": ["number", "string"] });
        let missing = json!({ "type": "null" });
        let optional = |limit, pattern| {
            let mut degrees = degrees_schema(limit, pattern);
            degrees["type"] = json!(["number", "string", "null"]);
            degrees
        };
        schema.insert(
            "anyOf".to_owned(),
            json!([
                {
                    "required": [latitude_at, longitude_at],
                    "properties": { latitude_at: given, longitude_at: given },
                },
                { "properties": { latitude_at: missing, longitude_at: missing } },
            ]),
        );
        if let Some(properties) = schema.get_mut("properties") {
            properties[latitude_at] = optional(MAX_LATITUDE, LATITUDE);
            properties[longitude_at] = optional(MAX_LONGITUDE, LONGITUDE);
        }
    }

    /// Latitude and longitude in degrees, for computing with.
    pub fn degrees(&self) -> (f64, f64) {
        let number = |text: &str| text.parse().expect("a decimal number, checked on construction");
        (number(&self.latitude), number(&self.longitude))
    }
}

impl JsonSchema for Coordinates {
    fn schema_name() -> Cow<'static, str> {
        "Coordinates".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "required": ["latitude", "longitude"],
            "properties": {
                "latitude": degrees_schema(MAX_LATITUDE, LATITUDE),
                "longitude": degrees_schema(MAX_LONGITUDE, LONGITUDE),
            },
        })
    }
}

fn degrees_schema(limit: f64, pattern: &str) -> Value {
    json!({
        "description": "Decimal degrees.",
        "type": ["number", "string"],
        "minimum": -limit,
        "maximum": limit,
        "maxLength": MAX_LENGTH,
        "pattern": pattern,
    })
}

fn degrees(pointer: &str, value: &Value, limit: f64) -> Result<String, Invalid> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => plain(number),
        _ => String::new(),
    };
    match text.parse::<f64>() {
        Ok(number) if is_decimal(&text) && number.abs() <= limit => Ok(text),
        _ => Err(Invalid::new(
            pointer,
            format!("must be decimal degrees from -{limit} to {limit} in at most {MAX_LENGTH} characters"),
        )),
    }
}

/// Digits with perhaps a sign before and a fraction behind, as short as the schema takes.
fn is_decimal(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    text.len() <= MAX_LENGTH && whole.len() <= 3 && is_digits(whole) && is_digits(fraction)
}

/// The number without an exponent, and with 15 decimals at most, so that it fits its column.
fn plain(number: &Number) -> String {
    let number = number.as_f64().unwrap_or(f64::NAN);
    let shortest = number.to_string();
    if shortest.len() <= MAX_LENGTH { shortest } else { format!("{number:.15}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(latitude: Value, longitude: Value) -> Result<Option<Coordinates>, Vec<Invalid>> {
        Coordinates::parse(&json!({ "lat": latitude, "lon": longitude }), ["lat", "lon"])
    }

    #[test]
    fn strings_and_numbers_keep_their_digits() {
        let place = parse(json!("40.7128"), json!(-74.006)).unwrap().unwrap();
        assert_eq!((place.latitude(), place.longitude()), ("40.7128", "-74.006"));
        assert_eq!(place.degrees(), (40.7128, -74.006));
        assert!(parse(json!(90), json!("-180")).is_ok());
        let tiny = parse(json!(1e-300), json!(-1.2345678901234567e-5)).unwrap().unwrap();
        assert_eq!((tiny.latitude(), tiny.longitude()), ("0.000000000000000", "-0.000012345678901"));
        assert_eq!(parse(Value::Null, Value::Null), Ok(None));
    }

    #[test]
    fn each_wrong_value_is_named() {
        for wrong in [
            json!("90.1"),
            json!(-91),
            json!("NaN"),
            json!("inf"),
            json!("1e1"),
            json!(""),
            json!("-"),
            json!("4 0"),
            json!(" 40"),
            json!("5."),
            json!("-.5"),
            json!("0040"),
            json!(1e300),
            json!("0.1234567890123456789012"),
            json!(true),
            json!([]),
        ] {
            let faults = parse(wrong.clone(), json!("0")).unwrap_err();
            assert_eq!(faults.len(), 1, "{wrong}");
            assert_eq!(faults[0].pointer, "/lat", "{wrong}");
        }
        assert_eq!(parse(json!("x"), json!("y")).unwrap_err().len(), 2);
    }

    #[test]
    fn half_a_place_is_none() {
        assert_eq!(parse(json!("1"), Value::Null).unwrap_err()[0].pointer, "/lon");
        assert_eq!(parse(Value::Null, json!("1")).unwrap_err()[0].pointer, "/lat");
        let faults = parse(json!("x"), Value::Null).unwrap_err();
        assert_eq!(faults.iter().map(|fault| &*fault.pointer).collect::<Vec<_>>(), ["/lat", "/lon"]);
        assert_eq!(faults[1].detail, "is required where lat is given");
    }
}
