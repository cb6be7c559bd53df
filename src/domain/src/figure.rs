//! Figures of reports: sums, averages and rates.

use std::{borrow::Cow, fmt};

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

/// A decimal number with two decimals, of any size that a sum over all orders may have.
///
/// In JSON a number (`1234567890.50`), read and written without a detour over floating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Figure(Decimal);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let exact = Decimal::from_str_exact(raw.get()).map_err(de::Error::custom)?;
        Ok(Self(exact.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero)))
    }
}

impl JsonSchema for Figure {
    fn schema_name() -> Cow<'static, str> {
        "Figure".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A sum, average or rate, with two decimals.", "type": "number" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_has_two_decimals_whatever_its_size() {
        for (given, shown) in [
            ("0", "0.00"),
            ("25.97", "25.97"),
            ("33.3333333333333333", "33.33"),
            ("66.6666666666666667", "66.67"),
            ("0.005", "0.01"),
            ("-1.5", "-1.50"),
            ("12345678901234567.89", "12345678901234567.89"),
        ] {
            let figure: Figure = serde_json::from_str(given).unwrap();
            assert_eq!(serde_json::to_string(&figure).unwrap(), shown);
        }
        assert!(serde_json::from_str::<Figure>("\"1\"").is_err());
    }
}
