//! Whole numbers of bodies and of queries.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::Invalid;

/// serde_json may read a float off by its last bits: from 2^52 on, as another whole number.
const MAX_EXACT: f64 = 1e15;

/// A whole number, however it is written: for JSON Schema `5`, `5.0` and `5e0` are one integer.
pub fn json_integer(value: &Value) -> Option<i64> {
    let is_whole = |number: &f64| number.fract() == 0.0 && number.abs() <= MAX_EXACT;
    value.as_i64().or_else(|| value.as_f64().filter(is_whole).map(|number| number as i64))
}

/// Reads a whole number of a query.
///
/// # Errors
/// It isn't one, or out of its range.
pub fn query_integer(
    name: &str,
    text: Option<&str>,
    range: RangeInclusive<u32>,
    default: u32,
) -> Result<u32, Invalid> {
    let Some(text) = text else { return Ok(default) };
    text.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
        Invalid::new(name, format!("must be a whole number from {} to {}", range.start(), range.end()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<i64> {
        json_integer(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_whole_number_has_many_spellings() {
        for (json, number) in [
            ("5", 5),
            ("5.0", 5),
            ("1e2", 100),
            ("-0.0", 0),
            ("-20e-1", -2),
            ("1000000000000000.0", 1_000_000_000_000_000),
            ("9223372036854775807", i64::MAX),
        ] {
            assert_eq!(read(json), Some(number), "{json}");
        }
    }

    #[test]
    fn what_is_no_whole_number_or_may_have_lost_digits_is_none() {
        for json in
            ["1.5", "1e-1", "1e300", "9007199254740991.0", "9223372036854775808", "\"5\"", "null", "[5]"]
        {
            assert_eq!(read(json), None, "{json}");
        }
    }
}
