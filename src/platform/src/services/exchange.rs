//! One exchange over HTTP, in WASI's own terms: a request of known length, an answer of limited length.
//!
//! The SDK's `send` speaks the `http` crate's types, for which it makes a body of every request and takes all headers
//! of an answer apart. Several exchanges are on the way of each order, and nobody looks at those headers.

use http::{Method, StatusCode, Uri};
use serde::de::{DeserializeOwned, IgnoredAny};
use spin_sdk::wasip3::{
    http::{
        client,
        types::{ErrorCode, Headers, Request, Response, Scheme},
    },
    spawn,
    wit_bindgen::{StreamReader, StreamResult, yield_async},
    wit_future, wit_stream,
};

use super::CallError;

/// More than any honest answer takes.
const MAX_ANSWER: usize = 1 << 20;

/// How much is read at once of an answer whose length isn't known.
const READ_SIZE: usize = 16 * 1024;

/// What is to be sent.
pub struct Outgoing {
    pub method: Method,
    pub uri: Uri,
    /// Names and values, `Content-Length` among them.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Option<Vec<u8>>,
}

/// What a service answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
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

    /// Whether the service itself has failed: not if it refuses a request, or says in JSON what can't be used.
    pub fn is_failure(&self) -> bool {
        let is_json = || serde_json::from_slice::<IgnoredAny>(&self.body).is_ok();
        let is_meant = self.status.is_client_error() || self.status.is_success() && is_json();
        !is_meant
    }

    /// A status that isn't in the contract.
    pub fn unexpected(&self) -> CallError {
        CallError::NoAnswer(format!("answered {}", self.status))
    }
}

/// Sends a request and reads the answer to its end.
///
/// # Errors
/// Whether the request may have arrived.
pub async fn exchange(outgoing: Outgoing) -> Result<Answer, CallError> {
    let has_body = outgoing.body.is_some();
    let request = request(outgoing).map_err(|problem| CallError::NotReached(problem.to_owned()))?;
    if has_body {
        // Spin leaves Nagle's algorithm on: a head that leaves before its body costs 40 ms, so the body is on
        // offer before the head goes.
        yield_async().await;
    }
    let response = client::send(request).await.map_err(sort)?;
    let status = StatusCode::from_u16(response.get_status_code());
    let status = status.map_err(|error| CallError::NoAnswer(error.to_string()))?;
    let body = body(response).await.map_err(|error| CallError::NoAnswer(format!("its body: {error}")))?;
    Ok(Answer { status, body })
}

fn request(outgoing: Outgoing) -> Result<Request, &'static str> {
    let Outgoing { method, uri, headers, body } = outgoing;
    let headers = Headers::from_list(&headers).map_err(|_| "a header has a wrong value")?;
    // Dropped, it says that no trailers come.
    let (end, trailers) = wit_future::new(|| Ok(None));
    let contents = body.map(|body| {
        let (mut writer, contents) = wit_stream::new();
        spawn(async move {
            // A service that doesn't read it says so in its answer, if at all.
            drop(writer.write_all(body).await);
            drop(end);
        });
        contents
    });
    let (request, _sent) = Request::new(headers, contents, trailers, None);
    let wrong_uri = |()| "its address is wrong";
    let scheme = if uri.scheme_str() == Some("https") { Scheme::Https } else { Scheme::Http };
    request.set_method(&method.into()).map_err(|()| "its method is wrong")?;
    request.set_scheme(Some(&scheme)).map_err(wrong_uri)?;
    request.set_authority(uri.authority().map(|authority| authority.as_str())).map_err(wrong_uri)?;
    request.set_path_with_query(uri.path_and_query().map(|path| path.as_str())).map_err(wrong_uri)?;
    Ok(request)
}

/// The whole body of an answer. Where its length is known, its end isn't waited for.
async fn body(response: Response) -> Result<Vec<u8>, ErrorCode> {
    let length = length(&response)?;
    // Dropped, it says that all went well here.
    let (_received, received) = wit_future::new(|| Ok(()));
    let (mut contents, trailers) = Response::consume_body(response, received);
    let mut body = Vec::new();
    while length.is_none_or(|length| body.len() < length) {
        if length.unwrap_or(body.len()) > MAX_ANSWER {
            return Err(ErrorCode::HttpResponseBodySize(Some(MAX_ANSWER as u64)));
        }
        body.reserve(length.map_or(READ_SIZE, |length| length - body.len()));
        if !read(&mut contents, &mut body).await {
            // What ended it early comes in the place of trailers.
            trailers.await?;
            break;
        }
    }
    Ok(body)
}

/// Reads a part of a body. False at its end.
async fn read(contents: &mut StreamReader<u8>, body: &mut Vec<u8>) -> bool {
    let (result, read) = contents.read(std::mem::take(body)).await;
    *body = read;
    matches!(result, StreamResult::Complete(_))
}

fn length(response: &Response) -> Result<Option<usize>, ErrorCode> {
    let headers = response.get_headers();
    let Some(value) = headers.get("content-length").into_iter().next() else { return Ok(None) };
    let length = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or(ErrorCode::HttpProtocolError)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_fails_by_its_own_errors_and_by_what_is_no_json() {
        let is_failure = |status, body: &str| {
            Answer { status: StatusCode::from_u16(status).unwrap(), body: body.into() }.is_failure()
        };
        for (status, body) in [(500, "{}"), (503, ""), (302, "{}"), (200, ""), (200, "<html>"), (201, "{")] {
            assert!(is_failure(status, body), "{status} {body}");
        }
        for (status, body) in
            [(200, r#"{"price": "?"}"#), (200, "[]"), (202, "{}"), (404, ""), (429, "<html>")]
        {
            assert!(!is_failure(status, body), "{status} {body}");
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
