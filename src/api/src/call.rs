//! A request as its handler sees it.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::{Actor, Invalid, OrderId, Page};
use http::HeaderMap;
use platform::{Trace, variables::Misconfigured};
use serde_json::Value;

use crate::{App, auth, problem::Problem};

pub struct Call {
    pub app: Result<&'static App, Misconfigured>,
    /// The path's parameters by name.
    pub parameters: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trace: Trace,
    pub now: DateTime<Utc>,
}

impl Call {
    /// The state this request needs for more than telling that it is alive.
    pub fn app(&self) -> Result<&'static App, Problem> {
        self.app.clone().map_err(Problem::from)
    }

    /// Who is asking.
    pub fn actor(&self) -> Result<Actor, Problem> {
        let verifier = self.app()?.verifier.as_ref().map_err(|error| Problem::from(error.clone()))?;
        auth::authenticate(&self.headers, verifier, self.now)
    }

    /// The order that the path names. What can't be an id names no order.
    pub fn order_id(&self) -> Result<OrderId, Problem> {
        let text = self.parameters.iter().find(|(name, _)| name == "order_id").map(|(_, text)| text.as_str());
        text.and_then(|text| text.parse().ok()).ok_or_else(no_such_order)
    }

    /// The part of a list that the query asks for.
    pub fn page(&self) -> Result<Page, Problem> {
        let value_of =
            |name: &str| self.query.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        Page::parse(value_of).map_err(Problem::invalid)
    }

    /// The body's JSON.
    pub fn json(&self) -> Result<Value, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let detail = format!("the body must be a JSON object: {error}");
            Problem::invalid(vec![Invalid::new("", detail)])
        })
    }
}

pub fn no_such_order() -> Problem {
    Problem::not_found("there is no such order, or it isn't yours")
}
