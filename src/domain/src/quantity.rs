//! How many of a product an order takes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

const MAX: i32 = 9_999;

/// From 1 to 9,999 of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Quantity(i32);

/// A number is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 1 to {MAX}")]
pub struct NotAQuantity;

impl Quantity {
    pub fn get(self) -> i32 {
        self.0
    }
}

impl TryFrom<i64> for Quantity {
    type Error = NotAQuantity;

    fn try_from(number: i64) -> Result<Self, NotAQuantity> {
        i32::try_from(number).ok().filter(|n| (1..=MAX).contains(n)).map(Self).ok_or(NotAQuantity)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "format": "int32", "minimum": 1, "maximum": MAX })
    }
}
