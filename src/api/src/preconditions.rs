//! Conditional requests (RFC 9110, 13): an order's version is its entity tag.

use domain::Order;
use http::{HeaderName, HeaderValue, header};

use crate::{
    call::Call,
    problem::{Kind, Problem},
};

/// Checks `If-Match` (RFC 9110, 13.1.1) against the order's version.
pub fn check_precondition(call: &Call, order: &Order) -> Result<(), Problem> {
    let current = tag_of(order.version);
    let is_current = |tag: &str| tag == "*" || tag == current;
    if !call.headers.contains_key(header::IF_MATCH) || tags(call, header::IF_MATCH).any(is_current) {
        return Ok(());
    }
    let detail = format!(
        "the order has changed since, or If-Match is not its ETag, which is {current} now, quotes included; read it and \
         decide again"
    );
    Err(Problem::new(Kind::PreconditionFailed, detail))
}

/// Whether the client says by `If-None-Match` (RFC 9110, 13.1.2) that it knows this version of an order.
pub fn is_known(call: &Call, version: i32) -> bool {
    let current = tag_of(version);
    tags(call, header::IF_NONE_MATCH).any(|tag| tag == "*" || tag.trim_start_matches("W/") == current)
}

/// The entity tags of a header.
fn tags(call: &Call, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = call.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|text| text.split(',')).map(str::trim)
}

/// The entity tag of an order in that version.
pub fn etag(version: i32) -> HeaderValue {
    HeaderValue::try_from(tag_of(version)).expect("quoted digits make a valid header")
}

fn tag_of(version: i32) -> String {
    format!("\"{version}\"")
}
