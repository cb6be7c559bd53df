//! One operation: what the tables say about a route, and the JSON that OpenAPI makes of it.

use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::{
    Schemas,
    parameter::{Parameter, header},
    problems,
};
use crate::problem::Document;

/// Makes the schema of a type, and leaves the schemas it needs with the generator.
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// Whose requests are answered: by these words, and by the token they need or don't.
const ANYONE: &str = "anyone";

pub struct Operation {
    pub method: Method,
    /// As in the route table.
    pub path: &'static str,
    tag: &'static str,
    who: &'static str,
    summary: &'static str,
    about: &'static str,
    parameters: Vec<Parameter>,
    takes_ticket: bool,
    body: Option<Body>,
    answers: Vec<Answer>,
    /// Statuses of problems, and what they mean here where that isn't what they mean everywhere.
    problems: Vec<(u16, Option<&'static str>)>,
}

struct Body {
    schema: SchemaOf,
    is_required: bool,
    example: Value,
}

/// An answer that isn't a problem.
pub struct Answer {
    status: u16,
    says: &'static str,
    /// By media type.
    content: Vec<(&'static str, SchemaOf, Option<Value>)>,
    headers: Vec<&'static str>,
}

/// An operation of the route `"METHOD /path"`, which is there for `who`.
pub fn operation(
    tag: &'static str,
    route: &'static str,
    who: &'static str,
    summary: &'static str,
) -> Operation {
    let (method, path) = route.split_once(' ').expect("a route is a method and a path");
    let operation = Operation {
        method: method.parse().expect("a method"),
        path,
        tag,
        who,
        summary,
        about: "",
        parameters: Vec::new(),
        takes_ticket: false,
        body: None,
        answers: Vec::new(),
        problems: Vec::new(),
    };
    operation.with_what_the_route_implies()
}

impl Operation {
    fn with_what_the_route_implies(mut self) -> Self {
        if self.who != ANYONE {
            self = self.problem(401).problem(503);
        }
        if self.method != Method::GET {
            self = self.problem(400).problem(408).problem(413).problem(415);
        }
        for name in self.path.split('/').filter_map(|segment| segment.strip_prefix(':')) {
            self.parameters.push(Parameter::path(name));
            self = self.problem(404);
        }
        self
    }

    /// More words.
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    pub fn query(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self.problem(422)
    }

    pub fn header(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }

    /// A ticket does in place of a token.
    pub fn or_by_ticket(mut self) -> Self {
        self.takes_ticket = true;
        self
    }

    /// A body, with an example of it.
    pub fn takes<T: JsonSchema>(mut self, example: Value) -> Self {
        self.body = Some(Body { schema: SchemaGenerator::subschema_for::<T>, is_required: true, example });
        self.problem(422)
    }

    /// As [`Operation::takes`], where there may be none.
    pub fn may_take<T: JsonSchema>(mut self, example: Value) -> Self {
        self.body = Some(Body { schema: SchemaGenerator::subschema_for::<T>, is_required: false, example });
        self.problem(422)
    }

    pub fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// A change of one order: it can be bound to a version, and come at the wrong time.
    pub fn changes_an_order(self) -> Self {
        self.header(header::if_match()).problem(409).problem(412)
    }

    /// Its requests count against a limit.
    pub fn under_a_limit(mut self) -> Self {
        for answer in &mut self.answers {
            answer.headers.extend([header::RATE_LIMIT, header::RATE_LIMIT_POLICY]);
        }
        self.problem(429)
    }

    /// Sent again with the same key, the request is answered again and not carried out again.
    pub fn takes_idempotency_key(mut self) -> Self {
        for answer in &mut self.answers {
            answer.headers.push(header::IDEMPOTENCY_REPLAYED);
        }
        let is_missing = |status| self.problems.iter().all(|(known, _)| *known != status);
        let missing = [
            (409, "A request with this `Idempotency-Key` is being carried out."),
            (422, "The `Idempotency-Key` is malformed, or was used for another request."),
        ];
        let missing = missing.into_iter().filter(|(status, _)| is_missing(*status)).collect::<Vec<_>>();
        self.problems.extend(missing.into_iter().map(|(status, when)| (status, Some(when))));
        self.header(header::idempotency_key())
    }

    /// A problem that this operation may have.
    pub fn problem(self, status: u16) -> Self {
        self.add_problem(status, None)
    }

    /// As [`Operation::problem`], with what it means here.
    pub fn problem_when(self, status: u16, when: &'static str) -> Self {
        self.add_problem(status, Some(when))
    }

    fn add_problem(mut self, status: u16, when: Option<&'static str>) -> Self {
        self.problems.retain(|(known, _)| *known != status);
        self.problems.push((status, when));
        self
    }

    /// The Operation Object.
    pub fn describe(&self, schemas: &mut Schemas) -> Value {
        let mut described = json!({
            "operationId": self.id(),
            "tags": [self.tag],
            "summary": self.summary,
            "description": format!("For {}. {}", self.who, self.about).trim_end(),
            "security": self.security(),
            "parameters": self.parameters.iter().map(|parameter| parameter.describe(schemas)).collect::<Vec<_>>(),
            "responses": self.responses(schemas),
        });
        if let Some(body) = &self.body {
            let schema = (body.schema)(&mut schemas.requests);
            described["requestBody"] = json!({
                "required": body.is_required,
                "content": { "application/json": { "schema": schema, "example": body.example } },
            });
        }
        described
    }

    /// The route as a name: `GET /orders/:order_id/history` is `get_orders_order_id_history`.
    fn id(&self) -> String {
        let path = self.path.replace([':', '.'], "").replace(['/', '-'], "_");
        format!("{}{path}", self.method.as_str().to_lowercase())
    }

    fn security(&self) -> Value {
        match (self.who, self.takes_ticket) {
            (ANYONE, _) => json!([]),
            (_, false) => json!([{ "bearer": [] }, { "token": [] }]),
            (_, true) => json!([{ "bearer": [] }, { "token": [] }, { "ticket": [] }]),
        }
    }

    fn responses(&self, schemas: &mut Schemas) -> Value {
        let mut responses = Map::new();
        for answer in &self.answers {
            responses.insert(answer.status.to_string(), answer.describe(schemas));
        }
        for (status, when) in &self.problems {
            responses.insert(status.to_string(), problems::reference(*status, *when));
        }
        responses.into()
    }
}

impl Answer {
    pub fn new(status: u16, says: &'static str) -> Self {
        Self { status, says, content: Vec::new(), headers: Vec::new() }
    }

    /// JSON, with an example of it.
    pub fn json<T: JsonSchema>(status: u16, says: &'static str, example: Value) -> Self {
        let mut answer = Self::new(status, says);
        answer.content.push(("application/json", SchemaGenerator::subschema_for::<T>, Some(example)));
        answer
    }

    /// A text of another media type.
    pub fn text(self, media_type: &'static str) -> Self {
        self.content::<String>(media_type)
    }

    /// Another media type. Of a stream, the type is that of each event.
    pub fn content<T: JsonSchema>(mut self, media_type: &'static str) -> Self {
        self.content.push((media_type, SchemaGenerator::subschema_for::<T>, None));
        self
    }

    /// A problem, sometimes, with the same status.
    pub fn or_problem(self) -> Self {
        self.content::<Document<'_>>("application/problem+json")
    }

    /// Headers that this answer has beside those of all answers.
    pub fn with(mut self, headers: &[&'static str]) -> Self {
        self.headers.extend(headers);
        self
    }

    fn describe(&self, schemas: &mut Schemas) -> Value {
        let mut described = json!({ "description": self.says, "headers": header::references(&self.headers) });
        let mut content = Map::new();
        for (media_type, schema, example) in &self.content {
            let mut media = json!({ "schema": schema(&mut schemas.answers) });
            if let Some(example) = example {
                media["example"] = example.clone();
            }
            content.insert((*media_type).to_owned(), media);
        }
        if !content.is_empty() {
            described["content"] = content.into();
        }
        described
    }
}
