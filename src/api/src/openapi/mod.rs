//! The description of the API (OpenAPI 3.1), made of the route table, of the tables of operations here
//! and of the types that requests are read into and answers are written from.

mod admin;
mod analytics;
mod changes;
mod examples;
mod operation;
mod orders;
mod parameter;
mod problems;
mod service;
mod templates;

use std::{collections::BTreeMap, sync::OnceLock};

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::routes::ROUTES;
use operation::Operation;
use parameter::header;

static DOCUMENT: OnceLock<Vec<u8>> = OnceLock::new();

const ABOUT: &str = "The orders of a grocery or food-delivery business, from cart to doorstep and back.\n\n\
    Ids of people are strings, amounts of money are numbers with two decimals, times are RFC 3339 in UTC. \
    Unknown fields of a body are ignored. A slash at the end of a path makes no difference. Every GET \
    answers HEAD as well; any other method is 405, an address that is too long 414, headers that are too \
    long 431. Every answer has an `X-Request-ID`, by which the logs know the request. Errors are \
    problem documents (RFC 9457) whose `detail` says what to do.";

/// The description of the service of that name, made when it is first asked for.
pub fn document(service: &str) -> &'static [u8] {
    DOCUMENT.get_or_init(|| serde_json::to_vec(&describe(service)).expect("JSON can be written"))
}

/// The schemas of both directions: in a request a field may be missing where an answer always has it.
pub struct Schemas {
    pub requests: SchemaGenerator,
    pub answers: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            requests: settings.clone().for_deserialize().into_generator(),
            answers: settings.for_serialize().into_generator(),
        }
    }

    /// Every schema that was asked for, by its name.
    fn described(mut self) -> Map<String, Value> {
        let mut schemas = self.answers.take_definitions(true);
        for (name, schema) in self.requests.take_definitions(true) {
            let known = schemas.entry(name.clone()).or_insert_with(|| schema.clone());
            assert_eq!(*known, schema, "{name} differs between requests and answers: name one of them anew");
        }
        schemas
    }
}

/// Every operation, as the tables state them.
fn operations() -> Vec<Operation> {
    let tables =
        [service::operations(), orders::operations(), changes::operations(), templates::operations()];
    tables.into_iter().flatten().chain(analytics::operations()).chain(admin::operations()).collect()
}

fn describe(service: &str) -> Value {
    let mut schemas = Schemas::new();
    let paths = paths(&mut schemas);
    let problems = problems::describe(&mut schemas.answers);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": service,
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "Orders", "description": "Placing, reading and following orders." },
            { "name": "Changes", "description": "What happens to an order, by whom." },
            { "name": "Templates", "description": "Lists of products to order again." },
            { "name": "Analytics", "description": "Reports for admins." },
            { "name": "Admin", "description": "The work behind orders." },
            { "name": "Service", "description": "The service itself." },
        ],
        "paths": paths,
        "components": {
            "schemas": schemas.described(),
            "responses": problems,
            "headers": header::describe(),
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "`sub` is the person, `role` is `user` (where it is missing), \
                        `delivery_partner` or `admin`; `exp` is required.",
                },
                "token": {
                    "type": "apiKey", "in": "header", "name": "token",
                    "description": "The same token, where `Authorization` isn't sent.",
                },
                "ticket": {
                    "type": "apiKey", "in": "query", "name": "ticket",
                    "description": "A tracking ticket, for one order and one minute.",
                },
            },
        },
    })
}

/// The Paths Object: the route table, each of its lines with its operation.
fn paths(schemas: &mut Schemas) -> Value {
    let mut operations = operations();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        let found = operations.iter().position(|one| one.path == route.path && one.method == route.method);
        // A test tells whoever adds a route; a description that lacks it is better than none.
        let Some(mut operation) = found.map(|index| operations.swap_remove(index)) else { continue };
        if route.class.is_some() {
            operation = operation.under_a_limit();
        }
        if route.takes_idempotency_key {
            operation = operation.takes_idempotency_key();
        }
        let path = paths.entry(templated(route.path)).or_insert_with(|| {
            Map::from_iter([("parameters".to_owned(), json!([header::request_id().describe(schemas)]))])
        });
        path.insert(route.method.as_str().to_lowercase(), operation.describe(schemas));
    }
    json!(paths)
}

/// A path of the route table as OpenAPI writes it: `:order_id` is `{order_id}`.
fn templated(path: &str) -> String {
    let segment = |segment: &str| match segment.strip_prefix(':') {
        Some(name) => format!("{{{name}}}"),
        None => segment.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_has_one_operation_and_every_operation_a_route() {
        let routes: BTreeSet<_> =
            ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        let operations: Vec<_> =
            operations().iter().map(|one| format!("{} {}", one.method, one.path)).collect();
        let described: BTreeSet<_> = operations.iter().cloned().collect();
        let missing: Vec<_> = routes.difference(&described).collect();
        assert!(missing.is_empty(), "routes without an operation in src/api/src/openapi: {missing:?}");
        let surplus: Vec<_> = described.difference(&routes).collect();
        assert!(surplus.is_empty(), "operations in src/api/src/openapi without a route: {surplus:?}");
        assert_eq!(operations.len(), described.len(), "an operation stands there twice");
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
            match value {
                Value::Object(fields) => {
                    found.extend(fields.get("$ref").and_then(Value::as_str));
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(values) => values.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = describe("Order Service");
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            let pointer = reference.strip_prefix('#').expect("a reference within the document");
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    #[test]
    fn limits_are_those_that_requests_are_checked_with() {
        let document = describe("Order Service");
        let schema = |name: &str| &document["components"]["schemas"][name]["properties"];
        assert_eq!(schema("FeedbackCreate")["rating"]["maximum"], 5);
        assert_eq!(schema("TemplateCreate")["name"]["maxLength"], 100);
        assert_eq!(schema("BulkStatusUpdate")["order_ids"]["maxItems"], 500);
        assert_eq!(schema("OrderCreate")["delivery_address"]["maxLength"], 1_000);
        let limit = &document["paths"]["/orders/my-orders"]["get"]["parameters"][0];
        assert_eq!((&limit["name"], &limit["schema"]["maximum"]), (&json!("limit"), &json!(50)));
    }
}
