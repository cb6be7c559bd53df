//! One HTTP call to another service: a time limit, a size limit, and whether it may have arrived.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use serde::Serialize;
use spin_sdk::{
    http::{IntoRequest, send},
    wasip3::{http::types::ErrorCode, wit_bindgen::yield_async},
};

use super::ServiceDown;
use crate::{
    Trace,
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

/// A service at its address.
#[derive(Clone, Debug)]
pub struct Client {
    pub service: &'static str,
    url: String,
    timeout: Duration,
}

impl Client {
    /// The service at the address in its variable, `<service>_service_url`.
    ///
    /// # Errors
    /// The variable can't be used.
    pub async fn configured(service: &'static str, timeout: Duration) -> Result<Self, Misconfigured> {
        let url = variables::service_url(&format!("{service}_service_url")).await?;
        Ok(Self { service, url, timeout })
    }

    pub async fn get(&self, path: &str, trace: &Trace) -> Result<Answer, CallError> {
        self.call(Method::GET, path, None, None, trace).await
    }

    /// Whether the service answers at all, whatever it says.
    ///
    /// # Errors
    /// A sentence for the log.
    pub async fn probe(&self) -> Result<(), String> {
        let answer = within(PROBE_TIMEOUT, self.get("/health", &Trace::default())).await;
        answer
            .unwrap_or_else(|| Err(CallError::NoAnswer(format!("nothing within {PROBE_TIMEOUT:?}"))))
            .map(drop)
            .map_err(|error| error.to_string())
    }

    pub async fn delete(&self, path: &str, trace: &Trace) -> Result<Answer, CallError> {
        self.call(Method::DELETE, path, None, None, trace).await
    }

    /// A call that the service knows again by its key, so that it can be repeated.
    pub async fn post(
        &self,
        path: &str,
        key: &str,
        body: &impl Serialize,
        trace: &Trace,
    ) -> Result<Answer, CallError> {
        let json = serde_json::to_vec(body).map_err(|error| CallError::NotReached(error.to_string()))?;
        self.call(Method::POST, path, Some(key), Some(json), trace).await
    }

    pub(super) fn down(&self, error: &CallError) -> ServiceDown {
        ServiceDown { service: self.service, problem: error.to_string() }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Vec<u8>>,
        trace: &Trace,
    ) -> Result<Answer, CallError> {
        let unusable = |error: http::Error| CallError::NotReached(error.to_string());
        let headers =
            headers(key, body.as_ref().map(Vec::len), trace).map_err(|error| unusable(error.into()))?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .body(Full::new(Bytes::from(body.unwrap_or_default())))
            .map_err(unusable)?;
        *request.headers_mut() = headers;
        let exchange = async {
            let request = request.into_request().map_err(sort)?;
            // Spin leaves Nagle's algorithm on: a head that leaves before its body costs 40 ms, so the
            // body is on offer before the head goes.
            yield_async().await;
            let response = send(request).await.map_err(sort)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| CallError::NoAnswer(format!("its body: {error}")))?.to_bytes();
            Ok(Answer { status, body })
        };
        let late = || Err(CallError::NoAnswer(format!("nothing within {:?}", self.timeout)));
        within(self.timeout, exchange).await.unwrap_or_else(late)
    }
}

fn headers(
    key: Option<&str>,
    length: Option<usize>,
    trace: &Trace,
) -> Result<HeaderMap, http::header::InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if length.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length.unwrap_or_default()));
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
