//! What ties together everything one request causes: its id and its W3C trace context.

use http::HeaderValue;

/// The identity of a request, passed on to every call it makes and every task it leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    pub request_id: String,
    /// The W3C `traceparent` header as it came.
    pub traceparent: Option<String>,
}

impl Trace {
    /// The headers that carry this trace to another service.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, HeaderValue)> {
        let request_id = HeaderValue::from_str(&self.request_id).ok();
        let traceparent = self.traceparent.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
        [("x-request-id", request_id), ("traceparent", traceparent)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
    }
}
