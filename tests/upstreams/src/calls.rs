//! A log of the calls the services received, for tests that count them.

use std::collections::VecDeque;

use hyper::HeaderMap;
use serde::Serialize;

/// Calls remembered; a long load run forgets its oldest.
const KEPT: usize = 100_000;

/// What a caller sends along so that its requests can be followed.
#[derive(Clone, Debug, Serialize)]
pub struct Trace {
    pub request_id: Option<String>,
    pub traceparent: Option<String>,
    pub tracestate: Option<String>,
}

impl Trace {
    pub fn of(headers: &HeaderMap) -> Trace {
        Trace {
            request_id: header(headers, "x-request-id"),
            traceparent: header(headers, "traceparent"),
            tracestate: header(headers, "tracestate"),
        }
    }
}

pub fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

#[derive(Clone, Debug, Serialize)]
pub struct Call {
    pub method: String,
    pub path: String,
    pub user_id: Option<String>,
    #[serde(flatten)]
    pub trace: Trace,
}

#[derive(Default)]
pub struct Calls {
    kept: VecDeque<Call>,
}

impl Calls {
    pub fn record(&mut self, call: Call) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(call);
    }

    /// Of one user, to one path, or both; oldest first.
    pub fn matching(&self, user_id: Option<&str>, path: Option<&str>) -> Vec<&Call> {
        self.kept
            .iter()
            .filter(|call| user_id.is_none_or(|user_id| call.user_id.as_deref() == Some(user_id)))
            .filter(|call| path.is_none_or(|path| call.path == path))
            .collect()
    }
}
