//! Problems: what each status of a problem document means everywhere.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::parameter::header::{
    self, ACCEPT_ENCODING, ALLOW, RATE_LIMIT, RATE_LIMIT_POLICY, RETRY_AFTER, WWW_AUTHENTICATE,
};
use crate::problem::{Document, Kind};

/// Its kind, or one of those of its status; its name, what it means, the headers it has.
type Row = (Kind, &'static str, &'static str, &'static [&'static str]);

const PROBLEMS: &[Row] = &[
    (Kind::IncompleteBody, "IncompleteBody", "The body did not arrive whole.", &[]),
    (Kind::Unauthorized, "Unauthorized", "No valid token.", &[WWW_AUTHENTICATE]),
    (Kind::PaymentDeclined, "PaymentDeclined", "The payment was declined.", &[]),
    (Kind::Forbidden, "Forbidden", "This person, or this role, may not do this at all.", &[]),
    (Kind::NotFound, "NotFound", "There is no such thing, or it isn't yours.", &[]),
    (Kind::MethodNotAllowed, "MethodNotAllowed", "Another method than those described here.", &[ALLOW]),
    (Kind::SlowBody, "SlowBody", "The body took longer than ten seconds.", &[]),
    (
        Kind::StatusConflict,
        "Conflict",
        "The state doesn't allow it now; `detail` says which does.",
        &[RETRY_AFTER],
    ),
    (
        Kind::PreconditionFailed,
        "PreconditionFailed",
        "The order has changed since the `ETag` in `If-Match`.",
        &[],
    ),
    (Kind::BodyTooLarge, "BodyTooLarge", "The body is too long.", &[]),
    (Kind::UnsupportedEncoding, "UnsupportedEncoding", "The body is compressed.", &[ACCEPT_ENCODING]),
    (Kind::AddressTooLong, "AddressTooLong", "The address is too long.", &[]),
    (Kind::InvalidRequest, "Invalid", "Invalid input; `errors` names each fault.", &[]),
    (
        Kind::TooManyRequests,
        "TooManyRequests",
        "Too many requests.",
        &[RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY],
    ),
    (Kind::HeadersTooLarge, "HeadersTooLarge", "The headers are too long.", &[]),
    (Kind::Unavailable, "Unavailable", "Something this service needs is down.", &[RETRY_AFTER]),
];

/// The problems as components.
pub fn describe(generator: &mut SchemaGenerator) -> Value {
    let schema = generator.subschema_for::<Document<'_>>();
    let described = PROBLEMS.iter().map(|(kind, name, means, headers)| {
        let status = kind.status();
        let mut example = json!({
            "type": kind, "title": status.canonical_reason(), "status": status.as_u16(), "detail": means,
            "instance": "/orders/1", "request_id": "click-41",
        });
        if *kind == Kind::InvalidRequest {
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
    let row = PROBLEMS.iter().find(|(kind, ..)| kind.status() == status);
    let (_, name, ..) =
        row.unwrap_or_else(|| panic!("{status} isn't described: add it in openapi/problems.rs"));
    let mut reference = json!({ "$ref": format!("#/components/responses/{name}") });
    if let Some(when) = when {
        reference["description"] = json!(when);
    }
    reference
}
