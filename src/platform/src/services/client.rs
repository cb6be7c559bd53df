//! One HTTP call to another service: a time limit, a size limit, a circuit breaker, and whether it may
//! have arrived.

use std::{sync::Arc, time::Duration};

use http::{Method, uri::InvalidUri};
use serde::Serialize;

use super::{
    ServiceDown,
    exchange::{Answer, Outgoing, exchange},
};
use crate::{
    Trace,
    circuit::Circuits,
    timeout::within,
    to_json,
    variables::{self, Misconfigured},
};

/// A service that takes longer to say that it is well is not.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a call has no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The request certainly did not arrive.
    #[error("not reached: {0}")]
    NotReached(String),
    /// It was not even sent: the service keeps failing, and is left alone for this long.
    #[error("not asked: its circuit is open for another {0:?}")]
    CircuitOpen(Duration),
    /// The request may have been carried out.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// What is to be asked.
struct Question<'a> {
    method: Method,
    path: &'a str,
    key: Option<&'a str>,
    /// The body with its media type.
    body: Option<(&'static str, Vec<u8>)>,
}

/// A service at its address.
#[derive(Clone)]
pub struct Client {
    pub service: &'static str,
    /// The name of the circuit that its calls are judged by.
    circuit: &'static str,
    url: String,
    timeout: Duration,
    circuits: Arc<Circuits>,
}

impl Client {
    /// The service at the address in its variable, `<service>_service_url`.
    ///
    /// # Errors
    /// The variable can't be used.
    pub async fn configured(
        service: &'static str,
        timeout: Duration,
        circuits: &Arc<Circuits>,
    ) -> Result<Self, Misconfigured> {
        let url = variables::service_url(&format!("{service}_service_url")).await?;
        circuits.add(service);
        Ok(Self { service, circuit: service, url, timeout, circuits: circuits.clone() })
    }

    /// The same service for calls that are judged apart from others, by a circuit of that name: while these fail the others
    /// may well succeed.
    pub(super) fn apart(&self, circuit: &'static str) -> Self {
        self.circuits.add(circuit);
        Self { circuit, ..self.clone() }
    }

    /// What `read` makes of the answer.
    pub(super) async fn get<T>(
        &self,
        path: &str,
        trace: &Trace,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.call(Question { method: Method::GET, path, key: None, body: None }, trace, read).await
    }

    /// As [`Client::get`].
    pub(super) async fn delete<T>(
        &self,
        path: &str,
        trace: &Trace,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.call(Question { method: Method::DELETE, path, key: None, body: None }, trace, read).await
    }

    /// As [`Client::get`], by a call that the service knows again by its key, so that it can be repeated.
    pub(super) async fn post<T>(
        &self,
        (path, key): (&str, &str),
        body: &impl Serialize,
        trace: &Trace,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let json = to_json(body).into_bytes();
        let body = Some(("application/json", json));
        self.call(Question { method: Method::POST, path, key: Some(key), body }, trace, read).await
    }

    /// As [`Client::get`], by a form that changes nothing.
    pub(super) async fn post_form<T>(
        &self,
        path: &str,
        form: String,
        trace: &Trace,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let body = Some(("application/x-www-form-urlencoded", form.into_bytes()));
        self.call(Question { method: Method::POST, path, key: None, body }, trace, read).await
    }

    /// How long a call may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether the service answers at all, whatever it says. The circuit has no part in it.
    ///
    /// # Errors
    /// A sentence for the log.
    pub async fn probe(&self) -> Result<(), String> {
        let question = Question { method: Method::GET, path: "/health", key: None, body: None };
        let outgoing = self.outgoing(question, &Trace::default()).map_err(|error| error.to_string())?;
        answer(outgoing, PROBE_TIMEOUT).await.map(drop).map_err(|error| error.to_string())
    }

    pub(super) fn down(&self, error: &CallError) -> ServiceDown {
        let retry_after = match error {
            CallError::CircuitOpen(wait) => Some(*wait),
            CallError::NotReached(_) | CallError::NoAnswer(_) => None,
        };
        ServiceDown { service: self.service, problem: error.to_string(), retry_after }
    }

    /// Makes a call unless the circuit is open, and judges the service by what comes of it. It has failed if it doesn't
    /// answer, or not as it was made to; not if it says that the request was wrong, or something odd of a single thing.
    async fn call<T>(
        &self,
        question: Question<'_>,
        trace: &Trace,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let outgoing =
            self.outgoing(question, trace).map_err(|error| CallError::NotReached(error.to_string()))?;
        let pass = self.circuits.admit(self.circuit, self.timeout).await.map_err(CallError::CircuitOpen)?;
        let answer = answer(outgoing, self.timeout).await;
        let (result, has_failed) = match answer {
            Ok(answer) => {
                let result = read(&answer);
                let has_failed = result.is_err() && answer.is_failure();
                (result, has_failed)
            }
            Err(error) => (Err(error), true),
        };
        self.circuits.judge(self.circuit, pass, has_failed);
        result
    }

    fn outgoing(&self, question: Question<'_>, trace: &Trace) -> Result<Outgoing, InvalidUri> {
        let Question { method, path, key, body } = question;
        let (media_type, body) = body.unzip();
        let length = body.as_ref().map_or(0, Vec::len).to_string();
        let headers = [
            ("accept", Some("application/json")),
            ("content-type", media_type),
            ("content-length", Some(&length)),
            ("idempotency-key", key),
        ];
        let headers = headers.into_iter().chain(trace.headers());
        let headers = headers.filter_map(|(name, value)| Some((name.to_owned(), value?.as_bytes().to_vec())));
        let uri = format!("{}{path}", self.url).parse()?;
        Ok(Outgoing { method, uri, headers: headers.collect(), body })
    }
}

async fn answer(outgoing: Outgoing, limit: Duration) -> Result<Answer, CallError> {
    let late = || Err(CallError::NoAnswer(format!("nothing within {limit:?}")));
    within(limit, exchange(outgoing)).await.unwrap_or_else(late)
}

/// A piece of a path: everything but unreserved characters (RFC 3986) is escaped.
pub(super) fn segment(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    // A dot segment would be taken for a step up.
    match text {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => utf8_percent_encode(text, ESCAPED).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_cant_leave_its_segment() {
        for (text, escaped) in [
            ("customer-1", "customer-1"),
            ("a/../b", "a%2F..%2Fb"),
            ("..", "%2E%2E"),
            ("x?admin=1#y", "x%3Fadmin%3D1%23y"),
            ("ü", "%C3%BC"),
        ] {
            assert_eq!(segment(text), escaped);
        }
    }
}
