//! One HTTP call to another service: a time limit, a size limit, a circuit breaker, and whether it may
//! have arrived.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use serde::{Serialize, de::DeserializeOwned};
use spin_sdk::{
    http::{IntoRequest, send},
    wasip3::{http::types::ErrorCode, wit_bindgen::yield_async},
};

use super::ServiceDown;
use crate::{
    Trace,
    circuit::Circuits,
    timeout::within,
    variables::{self, Misconfigured},
};

/// More than any honest answer takes.
const MAX_ANSWER: usize = 1 << 20;

/// A service that takes longer to say that it is well is not.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a call has no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The request certainly did not arrive.
    #[error("not reached: {0}")]
    NotReached(String),
    /// It was not even sent: the service keeps failing, and is left alone for so long.
    #[error("not asked: its circuit is open for another {0:?}")]
    CircuitOpen(Duration),
    /// The request may have been carried out.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// What a service answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

impl Answer {
    /// The body's JSON, an object: serde would also take a list of a struct's fields.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        if !self.body.trim_ascii_start().starts_with(b"{") {
            return Err(CallError::NoAnswer("its answer is no JSON object".to_owned()));
        }
        let unreadable = |error| CallError::NoAnswer(format!("its answer can't be read: {error}"));
        serde_json::from_slice(&self.body).map_err(unreadable)
    }

    /// A status that isn't in the contract.
    pub fn unexpected(&self) -> CallError {
        CallError::NoAnswer(format!("answered {}", self.status))
    }
}

/// What is to be sent.
struct Outgoing<'a> {
    method: Method,
    path: &'a str,
    key: Option<&'a str>,
    /// The body with its media type.
    body: Option<(&'static str, Vec<u8>)>,
}

/// A service at its address.
pub struct Client {
    pub service: &'static str,
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
        Ok(Self { service, url, timeout, circuits: circuits.clone() })
    }

    /// What `read` makes of the answer.
    pub async fn get<T>(
        &self,
        path: &str,
        trace: &Trace,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.call(Outgoing { method: Method::GET, path, key: None, body: None }, trace, read).await
    }

    /// As [`Client::get`].
    pub async fn delete<T>(
        &self,
        path: &str,
        trace: &Trace,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        self.call(Outgoing { method: Method::DELETE, path, key: None, body: None }, trace, read).await
    }

    /// As [`Client::get`], by a call that the service knows again by its key, so that it can be repeated.
    pub async fn post<T>(
        &self,
        (path, key): (&str, &str),
        body: &impl Serialize,
        trace: &Trace,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let json = serde_json::to_vec(body).map_err(|error| CallError::NotReached(error.to_string()))?;
        let body = Some(("application/json", json));
        self.call(Outgoing { method: Method::POST, path, key: Some(key), body }, trace, read).await
    }

    /// As [`Client::get`], by a form that changes nothing.
    pub async fn post_form<T>(
        &self,
        path: &str,
        form: String,
        trace: &Trace,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let body = Some(("application/x-www-form-urlencoded", form.into_bytes()));
        self.call(Outgoing { method: Method::POST, path, key: None, body }, trace, read).await
    }

    /// Whether the service answers at all, whatever it says. The circuit has no part in it.
    ///
    /// # Errors
    /// A sentence for the log.
    pub async fn probe(&self) -> Result<(), String> {
        let outgoing = Outgoing { method: Method::GET, path: "/health", key: None, body: None };
        let request = self.request(outgoing, &Trace::default()).map_err(|error| error.to_string())?;
        let late = || Err(CallError::NoAnswer(format!("nothing within {PROBE_TIMEOUT:?}")));
        let answer = within(PROBE_TIMEOUT, exchange(request)).await.unwrap_or_else(late);
        answer.map(drop).map_err(|error| error.to_string())
    }

    pub(super) fn down(&self, error: &CallError) -> ServiceDown {
        let retry_after = match error {
            CallError::CircuitOpen(wait) => Some(*wait),
            CallError::NotReached(_) | CallError::NoAnswer(_) => None,
        };
        ServiceDown { service: self.service, problem: error.to_string(), retry_after }
    }

    /// Makes a call unless the circuit is open, and judges the service by what comes of it: an answer that
    /// can't be used is a failure, unless it says that the request was wrong.
    async fn call<T>(
        &self,
        outgoing: Outgoing<'_>,
        trace: &Trace,
        read: impl FnOnce(&Answer) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let request =
            self.request(outgoing, trace).map_err(|error| CallError::NotReached(error.to_string()))?;
        let pass = self.circuits.admit(self.service, self.timeout).await.map_err(CallError::CircuitOpen)?;
        let late = || Err(CallError::NoAnswer(format!("nothing within {:?}", self.timeout)));
        let answer = within(self.timeout, exchange(request)).await.unwrap_or_else(late);
        let is_refusal = answer.as_ref().is_ok_and(|answer| answer.status.is_client_error());
        let result = answer.and_then(|answer| read(&answer));
        self.circuits.judge(self.service, pass, result.is_err() && !is_refusal);
        result
    }

    fn request(&self, outgoing: Outgoing<'_>, trace: &Trace) -> Result<Request<Full<Bytes>>, http::Error> {
        let Outgoing { method, path, key, body } = outgoing;
        let headers = headers(key, body.as_ref().map(|(media_type, body)| (*media_type, body.len())), trace)?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .body(Full::new(Bytes::from(body.map(|(_, body)| body).unwrap_or_default())))?;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

async fn exchange(request: Request<Full<Bytes>>) -> Result<Answer, CallError> {
    let request = request.into_request().map_err(sort)?;
    // Spin leaves Nagle's algorithm on: a head that leaves before its body costs 40 ms, so the body is
    // on offer before the head goes.
    yield_async().await;
    let response = send(request).await.map_err(sort)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| CallError::NoAnswer(format!("its body: {error}")))?.to_bytes();
    Ok(Answer { status, body })
}

fn headers(
    key: Option<&str>,
    body: Option<(&'static str, usize)>,
    trace: &Trace,
) -> Result<HeaderMap, http::header::InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some((media_type, _)) = body {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.map_or(0, |(_, length)| length)));
    if let Some(key) = key {
        headers.insert(HeaderName::from_static("idempotency-key"), HeaderValue::from_str(key)?);
    }
    headers.extend(trace.headers().map(|(name, value)| (HeaderName::from_static(name), value)));
    Ok(headers)
}

/// Tells the errors that come before anything was sent from those that may come after.
fn sort(error: ErrorCode) -> CallError {
    let text = error.to_string();
    match error {
        ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::DnsError(_)
        | ErrorCode::DnsTimeout
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::HttpRequestDenied
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::TlsCertificateError
        | ErrorCode::TlsProtocolError => CallError::NotReached(text),
        _ => CallError::NoAnswer(text),
    }
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

    #[test]
    fn only_errors_before_sending_mean_that_nothing_arrived() {
        assert!(matches!(sort(ErrorCode::ConnectionRefused), CallError::NotReached(_)));
        assert!(matches!(sort(ErrorCode::HttpRequestDenied), CallError::NotReached(_)));
        assert!(matches!(sort(ErrorCode::ConnectionTerminated), CallError::NoAnswer(_)));
        assert!(matches!(sort(ErrorCode::HttpResponseTimeout), CallError::NoAnswer(_)));
    }
}
