//! Amounts of money: exact, with two decimals, never negative.

use std::{borrow::Cow, fmt, str::FromStr};

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;

use crate::Quantity;

/// An exact amount from 0 to 99,999,999.99, the range of the schema's `decimal(10, 2)`.
///
/// In JSON a number with two decimals (`5.00`), read without a detour over floating point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money {
    cents: u64,
}

/// Why a text or number isn't an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an amount from 0 to 99999999.99 with at most two decimals")]
pub struct NotMoney;

impl Money {
    pub const ZERO: Self = Self { cents: 0 };
    pub const MAX: Self = Self { cents: 9_999_999_999 };

    /// # Errors
    /// More than [`Money::MAX`].
    pub fn from_cents(cents: u64) -> Result<Self, NotMoney> {
        if cents > Self::MAX.cents { Err(NotMoney) } else { Ok(Self { cents }) }
    }

    pub fn cents(self) -> u64 {
        self.cents
    }

    /// # Errors
    /// The sum is more than [`Money::MAX`].
    pub fn checked_add(self, other: Self) -> Result<Self, NotMoney> {
        Self::from_cents(self.cents + other.cents)
    }

    /// What is left of it; none when `other` is more.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.cents.checked_sub(other.cents).map(|cents| Self { cents })
    }

    /// The price of `quantity` pieces.
    ///
    /// # Errors
    /// The product is more than [`Money::MAX`].
    pub fn times(self, quantity: Quantity) -> Result<Self, NotMoney> {
        let quantity = u64::from(quantity.get().unsigned_abs());
        Self::from_cents(self.cents.checked_mul(quantity).ok_or(NotMoney)?)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.cents / 100, self.cents % 100)
    }
}

impl FromStr for Money {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let exact = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
        let cents = exact.ok().and_then(|d| d.checked_mul(Decimal::ONE_HUNDRED)).ok_or(NotMoney)?;
        if !cents.fract().is_zero() {
            return Err(NotMoney);
        }
        Self::from_cents(u64::try_from(cents).map_err(|_| NotMoney)?)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.to_string()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        raw.get().trim_matches('"').parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An exact amount of money, with two decimals.",
            "type": "number",
            "minimum": 0,
            "maximum": Self::MAX.cents as f64 / 100.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_read_exactly() {
        for (text, cents) in [
            ("0", 0),
            ("0.00", 0),
            ("5", 500),
            ("5.1", 510),
            ("25.97", 2597),
            ("1.500", 150),
            ("1e2", 10_000),
            ("99999999.99", 9_999_999_999),
        ] {
            assert_eq!(text.parse::<Money>(), Money::from_cents(cents), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", "-0.01", "0.001", "100000000", "1e30", "NaN", "abc", "1,5", "1e-3"] {
            assert_eq!(text.parse::<Money>(), Err(NotMoney), "{text}");
        }
    }

    #[test]
    fn json_has_two_decimals() {
        let five: Money = "5".parse().unwrap();
        assert_eq!(serde_json::to_string(&five).unwrap(), "5.00");
        assert_eq!(serde_json::from_str::<Money>("2.99").unwrap().cents(), 299);
        assert_eq!(serde_json::from_str::<Money>("\"2.99\"").unwrap().cents(), 299);
        assert!(serde_json::from_str::<Money>("true").is_err());
    }

    #[test]
    fn sums_and_products_stay_in_range() {
        assert_eq!(Money::MAX.checked_add("0.01".parse().unwrap()), Err(NotMoney));
        let pieces = |number: i64| Quantity::try_from(number).unwrap();
        assert_eq!(Money::MAX.times(pieces(2)), Err(NotMoney));
        assert_eq!("2.99".parse::<Money>().unwrap().times(pieces(3)), "8.97".parse());
        assert_eq!(Money::MAX.checked_sub(Money::MAX), Some(Money::ZERO));
        assert_eq!(Money::ZERO.checked_sub(Money::MAX), None);
    }

    proptest! {
        #[test]
        fn every_amount_survives_its_text(cents in 0..=Money::MAX.cents) {
            let money = Money::from_cents(cents).unwrap();
            prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
            let json = serde_json::to_string(&money).unwrap();
            prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), money);
        }
    }
}
