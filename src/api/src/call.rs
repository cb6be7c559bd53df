//! A request as its handler sees it.

use std::cell::OnceCell;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::{Actor, Identity, Invalid, OrderId, Page, Role, Status, TaskId, TemplateId};
use http::HeaderMap;
use platform::{Author, Trace, idempotency::Claim, random_id, variables::Misconfigured};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{App, auth, problem::Problem};

pub struct Call {
    pub app: Result<&'static App, Misconfigured>,
    /// The path's parameters by name.
    pub parameters: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    /// Empty until the request may pass.
    pub body: Bytes,
    /// The right to carry out a request with an `Idempotency-Key`.
    pub claim: Option<Claim>,
    pub trace: Trace,
    pub now: DateTime<Utc>,
    /// Who is asking, or why that isn't believed, once the token was looked at.
    identity: OnceCell<Result<Identity, Problem>>,
    writer: OnceCell<String>,
}

impl Call {
    pub fn new(
        app: Result<&'static App, Misconfigured>,
        parameters: Vec<(String, String)>,
        query: Vec<(String, String)>,
        headers: HeaderMap,
        trace: Trace,
    ) -> Self {
        let (body, now) = (Bytes::new(), Utc::now());
        let (identity, writer) = (OnceCell::new(), OnceCell::new());
        Self { app, parameters, query, headers, body, claim: None, trace, now, identity, writer }
    }

    /// The state this request needs for more than telling that it is alive.
    pub fn app(&self) -> Result<&'static App, Problem> {
        self.app.clone().map_err(Problem::from)
    }

    /// Who is asking.
    pub fn actor(&self) -> Result<&Actor, Problem> {
        self.identity().map(|identity| &identity.actor)
    }

    /// Who is asking, and until when they may.
    pub fn identity(&self) -> Result<&Identity, Problem> {
        self.identity.get_or_init(|| self.authenticate()).as_ref().map_err(Clone::clone)
    }

    fn authenticate(&self) -> Result<Identity, Problem> {
        let verifier = self.app()?.verifier.as_ref().map_err(|error| Problem::from(error.clone()))?;
        auth::authenticate(&self.headers, verifier, self.now)
    }

    /// The role of whoever is asking, as far as it is known by now.
    pub fn role(&self) -> Option<Role> {
        self.identity.get()?.as_ref().ok().map(|identity| identity.actor.role)
    }

    /// Who is asking, as the author of a change.
    pub fn author(&self) -> Result<Author<'_>, Problem> {
        Ok(Author { actor: self.actor()?, trace: &self.trace })
    }

    /// Who is asking, who must be an admin.
    pub fn admin(&self) -> Result<&Actor, Problem> {
        let actor = self.actor()?;
        if actor.is_admin() { Ok(actor) } else { Err(Problem::forbidden("only an admin can do this")) }
    }

    /// Who is asking, who must be an admin or a courier.
    pub fn staff(&self) -> Result<&Actor, Problem> {
        let actor = self.actor()?;
        if actor.role == Role::User {
            return Err(Problem::forbidden("only an admin or a courier can do this"));
        }
        Ok(actor)
    }

    /// A name that no other request has, whatever ids clients give to theirs.
    pub fn writer(&self) -> &str {
        self.writer.get_or_init(random_id)
    }

    /// What the change of this request answered, if it was made at an earlier try that didn't live to
    /// answer: it is not to be decided again.
    pub fn recorded<T: DeserializeOwned>(&self) -> Result<Option<T>, Problem> {
        Ok(self.claim.as_ref().map(Claim::recorded).transpose()?.flatten())
    }

    /// The order that the path names. What can't be an id names no order.
    pub fn order_id(&self) -> Result<OrderId, Problem> {
        self.parameter("order_id").and_then(|text| text.parse().ok()).ok_or_else(no_such_order)
    }

    /// The template that the path names.
    pub fn template_id(&self) -> Result<TemplateId, Problem> {
        self.parameter("template_id").and_then(|text| text.parse().ok()).ok_or_else(no_such_template)
    }

    /// The task that the path names.
    pub fn task_id(&self) -> Result<TaskId, Problem> {
        self.parameter("task_id").and_then(|text| text.parse().ok()).ok_or_else(no_such_task)
    }

    /// A parameter of the path.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, text)| text.as_str())
    }

    /// A parameter of the query; the first, should there be several.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The part of a list that the query asks for.
    pub fn page(&self) -> Result<Page, Vec<Invalid>> {
        Page::parse(|name| self.query(name))
    }

    /// The body's JSON, an object.
    pub fn json(&self) -> Result<Value, Problem> {
        serde_json::from_slice(&self.body).map(Value::Object).map_err(|error| {
            let detail = format!("the body must be a JSON object: {error}");
            Problem::invalid(Invalid::new("", detail))
        })
    }
}

/// The status that a body names.
pub fn status(body: &Value) -> Result<Status, Invalid> {
    status_named("/status", body["status"].as_str().unwrap_or_default())
}

/// The status of that name, which stands `at`.
pub fn status_named(at: &str, name: &str) -> Result<Status, Invalid> {
    Status::named(name).ok_or_else(|| {
        let names = Status::ALL.map(Status::as_str).join(", ");
        Invalid::new(at, format!("must be one of {names}"))
    })
}

pub fn no_such_order() -> Problem {
    Problem::not_found("there is no such order, or it isn't yours")
}

pub fn no_such_task() -> Problem {
    Problem::not_found("there is no such task; one that is done is forgotten")
}

pub fn no_such_template() -> Problem {
    Problem::not_found("there is no such template, or it isn't yours")
}
