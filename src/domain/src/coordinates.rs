//! A place on earth in decimal degrees, kept in the digits it was given in.

use serde_json::Value;

use crate::Invalid;

/// The longest text that the schema's `varchar(20)` takes.
const MAX_LENGTH: usize = 20;

/// A latitude and a longitude, each in its own words and in range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coordinates {
    latitude: String,
    longitude: String,
}

impl Coordinates {
    /// Reads an optional pair: decimal strings or numbers, both or neither.
    ///
    /// # Errors
    /// Each value that isn't a coordinate, by its pointer.
    pub fn parse(
        (latitude_at, latitude): (&str, &Value),
        (longitude_at, longitude): (&str, &Value),
    ) -> Result<Option<Self>, Vec<Invalid>> {
        match (degrees(latitude_at, latitude, 90.0), degrees(longitude_at, longitude, 180.0)) {
            (Ok(Some(latitude)), Ok(Some(longitude))) => Ok(Some(Self { latitude, longitude })),
            (Ok(None), Ok(None)) => Ok(None),
            (Ok(None), Ok(Some(_))) => Err(vec![missing(latitude_at, longitude_at)]),
            (Ok(Some(_)), Ok(None)) => Err(vec![missing(longitude_at, latitude_at)]),
            (latitude, longitude) => Err([latitude.err(), longitude.err()].into_iter().flatten().collect()),
        }
    }

    pub fn latitude(&self) -> &str {
        &self.latitude
    }

    pub fn longitude(&self) -> &str {
        &self.longitude
    }

    /// Latitude and longitude in degrees, for computing with.
    pub fn degrees(&self) -> (f64, f64) {
        let number = |text: &str| text.parse().expect("a decimal number, checked on construction");
        (number(&self.latitude), number(&self.longitude))
    }
}

fn missing(pointer: &str, given: &str) -> Invalid {
    Invalid::new(pointer, format!("is required where {} is given", given.trim_start_matches('/')))
}

fn degrees(pointer: &str, value: &Value, limit: f64) -> Result<Option<String>, Invalid> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let is_decimal = !text.is_empty()
        && text.len() <= MAX_LENGTH
        && text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text.bytes().skip(1).all(|b| b == b'.' || b.is_ascii_digit());
    match text.parse::<f64>() {
        Ok(number) if is_decimal && number.abs() <= limit => Ok(Some(text)),
        _ => Err(Invalid::new(
            pointer,
            format!("must be decimal degrees from -{limit} to {limit} in at most {MAX_LENGTH} characters"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(latitude: Value, longitude: Value) -> Result<Option<Coordinates>, Vec<Invalid>> {
        Coordinates::parse(("/lat", &latitude), ("/lon", &longitude))
    }

    #[test]
    fn strings_and_numbers_keep_their_digits() {
        let place = parse(json!("40.7128"), json!(-74.006)).unwrap().unwrap();
        assert_eq!((place.latitude(), place.longitude()), ("40.7128", "-74.006"));
        assert_eq!(place.degrees(), (40.7128, -74.006));
        assert!(parse(json!(90), json!("-180")).is_ok());
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
    }
}
