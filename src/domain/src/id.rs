//! Identifiers that can't hold a wrong value.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

const MAX_TEXT: usize = 255;

/// An identifier's text or number isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnId {
    #[error("must be a whole number from 1 to 2147483647")]
    Number,
    #[error("must have 1 to 255 characters, none of them a control character")]
    Text,
}

macro_rules! serial_id {
    ($(#[$doc:meta])* $name:ident($integer:ident as $format:literal)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64")]
        pub struct $name($integer);

        impl $name {
            pub fn get(self) -> $integer {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = NotAnId;

            fn try_from(number: i64) -> Result<Self, NotAnId> {
                $integer::try_from(number).ok().filter(|n| *n > 0).map(Self).ok_or(NotAnId::Number)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// Reads digits only, with neither sign nor leading zero, so that each id has one spelling.
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let is_plain = text.starts_with(|c| ('1'..='9').contains(&c));
                text.parse().ok().filter(|_| is_plain).map(Self).ok_or(NotAnId::Number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "integer", "format": $format, "minimum": 1, "maximum": $integer::MAX })
            }
        }
    };
}

serial_id!(
    /// Numbers an order.
    OrderId(i32 as "int32")
);
serial_id!(
    /// Numbers a product of the product service.
    ProductId(i32 as "int32")
);
serial_id!(
    /// Numbers a template.
    TemplateId(i32 as "int32")
);
serial_id!(
    /// Numbers a task.
    TaskId(i64 as "int64")
);

/// Names a person: a customer, a courier or an admin. Other services own the format.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

impl UserId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        let fits = (1..=MAX_TEXT).contains(&text.chars().count());
        if fits && !text.contains(char::is_control) { Ok(Self(text)) } else { Err(NotAnId::Text) }
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> String {
        id.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl JsonSchema for UserId {
    fn schema_name() -> Cow<'static, str> {
        "UserId".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TEXT,
            "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_has_one_spelling() {
        assert_eq!("1".parse::<OrderId>().unwrap().get(), 1);
        assert_eq!("2147483647".parse::<OrderId>().unwrap().get(), i32::MAX);
        for text in ["", "0", "-1", "+1", "01", " 1", "1.0", "2147483648", "99999999999999999999", "abc"] {
            assert_eq!(text.parse::<OrderId>(), Err(NotAnId::Number), "{text:?}");
        }
    }

    #[test]
    fn a_user_id_is_any_short_text() {
        assert!(UserId::try_from("auth0|42 ü".to_owned()).is_ok());
        assert!(UserId::try_from("ü".repeat(255)).is_ok());
        for text in [String::new(), "a\0b".to_owned(), "x".repeat(256)] {
            assert_eq!(UserId::try_from(text), Err(NotAnId::Text));
        }
    }
}
