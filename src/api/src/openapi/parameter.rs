//! Parameters and headers: each described once, with limits from where they are checked.

use domain::{OrderId, Page, Status, TaskId, TemplateId, UserId};
use platform::{backlog::TaskStatus, orders::Format, outbox::Job};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::Schemas;
use crate::routes::{
    admin::{DEFAULT_FINDINGS, FINDINGS},
    analytics::{CUSTOMERS, DAYS, DEFAULT_CUSTOMERS, DEFAULT_DAYS},
};

pub struct Parameter {
    name: &'static str,
    place: &'static str,
    is_required: bool,
    says: &'static str,
    schema: Values,
    example: Option<Value>,
}

/// Which values a parameter takes.
enum Values {
    Of(fn(&mut SchemaGenerator) -> schemars::Schema),
    Are(Value),
}

impl Parameter {
    fn new(name: &'static str, place: &'static str, schema: Values, says: &'static str) -> Self {
        Self { name, place, is_required: false, says, schema, example: None }
    }

    /// A parameter of the query, of that type.
    fn query<T: JsonSchema>(name: &'static str, says: &'static str) -> Self {
        Self::new(name, "query", Values::Of(SchemaGenerator::subschema_for::<T>), says)
    }

    /// A parameter of the query, of that schema.
    fn query_like(name: &'static str, schema: Value, says: &'static str) -> Self {
        Self::new(name, "query", Values::Are(schema), says)
    }

    /// A parameter of the path, by its name in the route table.
    pub fn path(name: &'static str) -> Self {
        let (schema, says) = match name {
            "order_id" => (Values::Of(SchemaGenerator::subschema_for::<OrderId>), "Names the order."),
            "template_id" => {
                (Values::Of(SchemaGenerator::subschema_for::<TemplateId>), "Names the template.")
            }
            "user_id" => (Values::Of(SchemaGenerator::subschema_for::<UserId>), "Names the person."),
            "task_id" => (Values::Of(SchemaGenerator::subschema_for::<TaskId>), "Names the task."),
            _ => panic!("the parameter :{name} isn't described: add it in openapi/parameter.rs"),
        };
        let example = if name == "user_id" { json!("customer-1") } else { json!(1) };
        Self { is_required: true, ..Self::new(name, "path", schema, says) }.such_as(example)
    }

    fn such_as(mut self, example: Value) -> Self {
        self.example = Some(example);
        self
    }

    fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    pub fn describe(&self, schemas: &mut Schemas) -> Value {
        let schema = match &self.schema {
            Values::Of(schema) => schema(&mut schemas.requests).into(),
            Values::Are(schema) => schema.clone(),
        };
        let mut described = json!({
            "name": self.name, "in": self.place, "description": self.says,
            "required": self.is_required, "schema": schema,
        });
        if let Some(example) = &self.example {
            described["example"] = example.clone();
        }
        described
    }
}

/// The part of a list.
pub fn page() -> Vec<Parameter> {
    let limit = json!({
        "type": "integer", "minimum": 1, "maximum": Page::MAX_LIMIT, "default": Page::DEFAULT_LIMIT,
    });
    let offset = json!({ "type": "integer", "minimum": 0, "maximum": i32::MAX, "default": 0 });
    let cursor = json!({ "type": "string", "pattern": "^[0-9]{1,17}\\.[1-9][0-9]{0,18}$" });
    vec![
        Parameter::query_like("limit", limit, "How many at most."),
        Parameter::query_like("offset", offset, "How many to skip; not together with `cursor`."),
        Parameter::query_like(
            "cursor",
            cursor,
            "Where to go on: taken from the `Link` of the page before. \
            Fast at any depth.",
        ),
    ]
}

/// The filters of the open tasks.
pub fn task_filters() -> Vec<Parameter> {
    let kinds = json!({ "type": "string", "enum": Job::KINDS });
    vec![
        Parameter::query::<TaskStatus>(
            "status",
            "Only those that wait (`queued`) or were given up (`dead`).",
        ),
        Parameter::query_like("kind", kinds, "Only those of this kind."),
        Parameter::query::<OrderId>("order_id", "Only those of this order."),
    ]
}

/// How many findings and repairs.
pub fn findings() -> Parameter {
    let schema = json!({
        "type": "integer", "minimum": FINDINGS.start(), "maximum": FINDINGS.end(), "default": DEFAULT_FINDINGS,
    });
    Parameter::query_like("limit", schema, "How many findings and how many repairs at most.")
}

/// The filters of the lists of all orders.
pub fn filters() -> Vec<Parameter> {
    vec![
        Parameter::query::<UserId>("user_id", "Only this customer's."),
        Parameter::query::<UserId>(
            "delivery_partner_id",
            "Only those assigned to this courier. (A courier sees no others anyway.)",
        ),
        Parameter::query::<Status>("status", "Only those of this status."),
        time("created_from", "Only those placed then or later."),
        time("created_to", "Only those placed then or earlier."),
    ]
}

fn time(name: &'static str, says: &'static str) -> Parameter {
    Parameter::query_like(name, json!({ "type": "string", "format": "date-time" }), says)
        .such_as(json!("2023-01-02T08:00:00Z"))
}

/// The last event that was seen, for an `EventSource` that was made anew.
pub fn last_event_id() -> Parameter {
    Parameter::query::<String>("last_event_id", "As the header `Last-Event-ID`, which counts more.")
}

/// The form of an export.
pub fn format() -> Parameter {
    let names = Format::ALL.map(Format::as_str);
    let schema = json!({ "type": "string", "enum": names, "default": Format::Json.as_str() });
    Parameter::query_like("format", schema, "The form of the file.")
}

/// The period of a report, both ends included.
pub fn period() -> [Parameter; 3] {
    let zone = json!({ "type": "string", "default": "UTC", "maxLength": 64 });
    [
        date("start_date", "The first day, or the first instant.").such_as(json!("2023-01-01")),
        date("end_date", "The last day, or the last instant.").such_as(json!("2023-01-31")),
        Parameter::query_like("tz", zone, "The time zone that days are counted in (IANA).")
            .such_as(json!("Europe/Berlin")),
    ]
}

/// As [`period`], where both ends must be given.
pub fn bounded_period() -> [Parameter; 3] {
    let [start, end, zone] = period();
    [start.required(), end.required(), zone]
}

fn date(name: &'static str, says: &'static str) -> Parameter {
    let schema = json!({
        "type": "string",
        "anyOf": [{ "format": "date" }, { "format": "date-time" }],
    });
    Parameter::query_like(name, schema, says)
}

/// How many customers a report names, and by what they are ranked.
pub fn ranking() -> [Parameter; 2] {
    let limit = json!({
        "type": "integer", "minimum": CUSTOMERS.start(), "maximum": CUSTOMERS.end(),
        "default": DEFAULT_CUSTOMERS,
    });
    let sort = json!({ "type": "string", "enum": ["spent", "orders"], "default": "spent" });
    [
        Parameter::query_like("limit", limit, "How many at most."),
        Parameter::query_like("sort", sort, "By what."),
    ]
}

/// How many days a report goes back.
pub fn days() -> Parameter {
    let schema = json!({
        "type": "integer", "minimum": DAYS.start(), "maximum": DAYS.end(), "default": DEFAULT_DAYS,
    });
    Parameter::query_like("period_days", schema, "How many days, up to now.")
}

/// Headers, of requests and of answers.
pub mod header {
    use domain::IdempotencyKey;
    use schemars::SchemaGenerator;
    use serde_json::{Map, Value, json};

    use super::{Parameter, Values};

    pub const ETAG: &str = "ETag";
    pub const LOCATION: &str = "Location";
    pub const CONTENT_DISPOSITION: &str = "Content-Disposition";
    pub const LINK: &str = "Link";
    pub const IDEMPOTENCY_REPLAYED: &str = "Idempotency-Replayed";
    pub const RATE_LIMIT: &str = "RateLimit";
    pub const RATE_LIMIT_POLICY: &str = "RateLimit-Policy";
    pub const RETRY_AFTER: &str = "Retry-After";
    pub const WWW_AUTHENTICATE: &str = "WWW-Authenticate";
    pub const ALLOW: &str = "Allow";
    pub const ACCEPT_ENCODING: &str = "Accept-Encoding";
    const REQUEST_ID: &str = "X-Request-ID";

    /// Name, whether it is always there, what it says, an example.
    const HEADERS: [(&str, bool, &str, &str); 12] = [
        (ETAG, true, "The order's version, for `If-Match` and `If-None-Match`.", "\"2\""),
        (LOCATION, true, "Where the new thing is.", "/orders/1"),
        (
            CONTENT_DISPOSITION,
            true,
            "The name of the file.",
            "attachment; filename=\"orders-20230101T130000Z.csv\"",
        ),
        (
            LINK,
            false,
            "The next page, if there is one (RFC 8288).",
            "</orders?cursor=1672578000000000.1>; rel=\"next\"",
        ),
        (IDEMPOTENCY_REPLAYED, false, "This is the answer of an earlier request with the same key.", "true"),
        (
            RATE_LIMIT,
            false,
            "How many requests may follow at once, and when all may again.",
            "\"read\";r=2999;t=1",
        ),
        (RATE_LIMIT_POLICY, false, "How many requests may come in how many seconds.", "\"read\";q=3000;w=60"),
        (RETRY_AFTER, false, "When to try again, in seconds.", "2"),
        (WWW_AUTHENTICATE, true, "What is wrong with the token (RFC 6750).", "Bearer realm=\"orders\""),
        (ALLOW, true, "The methods that this path answers.", "GET, HEAD"),
        (ACCEPT_ENCODING, true, "How a body may be encoded.", "identity"),
        (REQUEST_ID, true, "Names the request in the logs: the one that was sent, or a new one.", "click-41"),
    ];

    fn string(name: &'static str, says: &'static str) -> Parameter {
        Parameter::new(name, "header", Values::Are(json!({ "type": "string" })), says)
    }

    pub fn if_match() -> Parameter {
        string("If-Match", "Only if the order still has this `ETag`.").such_as(json!("*"))
    }

    pub fn if_none_match() -> Parameter {
        string("If-None-Match", "Only if the order no longer has this `ETag`.").such_as(json!("\"1\""))
    }

    pub fn idempotency_key() -> Parameter {
        let says = "A name for this request: sent again with the same name and body within a day, it is answered \
            again and not carried out again.";
        let schema = Values::Of(SchemaGenerator::subschema_for::<IdempotencyKey>);
        Parameter::new("Idempotency-Key", "header", schema, says)
    }

    pub fn last_event_id() -> Parameter {
        string("Last-Event-ID", "The last event that was seen: what came after it is sent first.")
            .such_as(json!("2"))
    }

    /// The header that every request may have.
    pub fn request_id() -> Parameter {
        string(REQUEST_ID, "A name for this request: up to 128 letters, digits, `-`, `_`, `.` and `:`.")
            .such_as(json!("click-41"))
    }

    /// The headers as components.
    pub fn describe() -> Value {
        let described = HEADERS.map(|(name, is_required, says, example)| {
            let header = json!({
                "description": says, "required": is_required,
                "schema": { "type": "string" }, "example": example,
            });
            (name.to_owned(), header)
        });
        Map::from_iter(described).into()
    }

    /// The headers of an answer, by reference.
    pub fn references(names: &[&'static str]) -> Value {
        let reference = |name: &str| {
            debug_assert!(HEADERS.iter().any(|(known, ..)| *known == name), "{name}");
            (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))
        };
        names.iter().copied().chain([REQUEST_ID]).map(reference).collect::<Map<_, _>>().into()
    }
}
