//! JSON of our own types.

use serde::Serialize;

/// A value as JSON.
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("our own types have no unserializable values")
}
