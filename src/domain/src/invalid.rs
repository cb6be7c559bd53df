//! What is wrong with a request's value, said so that a person can put it right.

use schemars::JsonSchema;
use serde::Serialize;

/// One fault of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Invalid {
    /// JSON pointer (RFC 6901) to the value in the body, or the name of a query parameter or header.
    pub pointer: String,
    /// A sentence that says what would be right.
    pub detail: String,
}

impl Invalid {
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}
