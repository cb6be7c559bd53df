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

impl From<Invalid> for Vec<Invalid> {
    fn from(fault: Invalid) -> Self {
        vec![fault]
    }
}

/// Both values; whatever is wrong with either is said at once.
///
/// # Errors
/// The faults of the one, then those of the other.
pub fn both<A, B>(
    one: Result<A, impl Into<Vec<Invalid>>>,
    other: Result<B, impl Into<Vec<Invalid>>>,
) -> Result<(A, B), Vec<Invalid>> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (one, other) => {
            let mut faults = one.err().map_or_else(Vec::new, Into::into);
            faults.extend(other.err().map_or_else(Vec::new, Into::into));
            Err(faults)
        }
    }
}
