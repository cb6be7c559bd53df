//! Problems: what each status of a problem document means everywhere.

use http::StatusCode;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::parameter::header::{self, ALLOW, RATE_LIMIT, RATE_LIMIT_POLICY, RETRY_AFTER, WWW_AUTHENTICATE};
use crate::problem::Document;

/// Status, name, what it means, its kind as in `type`, the headers it has.
type Row = (u16, &'static str, &'static str, &'static str, &'static [&'static str]);

const PROBLEMS: &[Row] = &[
    (400, "IncompleteBody", "The body did not arrive whole.", "incomplete-body", &[]),
    (401, "Unauthorized", "No valid token.", "unauthorized", &[WWW_AUTHENTICATE]),
    (402, "PaymentDeclined", "The payment was declined.", "payment-declined", &[]),
    (403, "Forbidden", "This person, or this role, may not do this at all.", "forbidden", &[]),
    (404, "NotFound", "There is no such thing, or it isn't yours.", "not-found", &[]),
    (405, "MethodNotAllowed", "Another method than those described here.", "method-not-allowed", &[ALLOW]),
    (408, "SlowBody", "The body took longer than ten seconds.", "slow-body", &[]),
    (
        409,
        "Conflict",
        "The state doesn't allow it now; `detail` says which does.",
        "status-conflict",
        &[RETRY_AFTER],
    ),
    (
        412,
        "PreconditionFailed",
        "The order has changed since the `ETag` in `If-Match`.",
        "precondition-failed",
        &[],
    ),
    (413, "BodyTooLarge", "The body is too long.", "body-too-large", &[]),
    (414, "AddressTooLong", "The address is too long.", "address-too-long", &[]),
    (422, "Invalid", "Invalid input; `errors` names each fault.", "invalid-request", &[]),
    (
        429,
        "TooManyRequests",
        "Too many requests.",
        "too-many-requests",
        &[RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY],
    ),
    (431, "HeadersTooLarge", "The headers are too long.", "headers-too-large", &[]),
    (503, "Unavailable", "Something this service needs is down.", "unavailable", &[RETRY_AFTER]),
];

/// The problems as components.
pub fn describe(generator: &mut SchemaGenerator) -> Value {
    let schema = generator.subschema_for::<Document<'_>>();
    let described = PROBLEMS.iter().map(|(status, name, means, kind, headers)| {
        let title = StatusCode::from_u16(*status).ok().and_then(|status| status.canonical_reason());
        let mut example = json!({
            "type": format!("urn:order-service:problem:{kind}"), "title": title, "status": status, "detail": means,
            "instance": "/orders/1", "request_id": "click-41",
        });
        if *status == 422 {
            example["errors"] =
                json!([{ "pointer": "/delivery_address", "detail": "is required and must not be blank" }]);
        }
        let response = json!({
            "description": means,
            "headers": header::references(headers),
            "content": { "application/problem+json": { "schema": schema, "example": example } },
        });
        ((*name).to_owned(), response)
    });
    described.collect::<Map<_, _>>().into()
}

/// The problem of that status by reference, with what it means here.
pub fn reference(status: u16, when: Option<&str>) -> Value {
    let row = PROBLEMS.iter().find(|(known, ..)| *known == status);
    let (_, name, ..) =
        row.unwrap_or_else(|| panic!("{status} isn't described: add it in openapi/problems.rs"));
    let mut reference = json!({ "$ref": format!("#/components/responses/{name}") });
    if let Some(when) = when {
        reference["description"] = json!(when);
    }
    reference
}
