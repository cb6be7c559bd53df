//! A request as it comes in, in the `http` crate's types. The SDK's own conversion asks the host twice as much, half of it
//! things that nobody here looks at.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, uri::PathAndQuery};
use spin_sdk::wasip3::http::types::{ErrorCode, Request};

/// The head of a request, and what its body will come from.
pub struct Incoming {
    pub method: Method,
    pub target: PathAndQuery,
    pub headers: HeaderMap,
    pub body: Request,
}

impl TryFrom<Request> for Incoming {
    type Error = ErrorCode;

    fn try_from(request: Request) -> Result<Self, ErrorCode> {
        let method = request.get_method().try_into().map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
        let target = match request.get_path_with_query() {
            Some(target) => PathAndQuery::from_maybe_shared(Bytes::from(target)),
            None => Ok(PathAndQuery::from_static("/")),
        };
        let target = target.map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
        let header = |(name, value): (String, Vec<u8>)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_maybe_shared(Bytes::from(value)).ok()?))
        };
        let mut headers = HeaderMap::with_capacity(16);
        for (name, value) in request.get_headers().copy_all().into_iter().filter_map(header) {
            headers.append(name, value);
        }
        Ok(Self { method, target, headers, body: request })
    }
}
