//! Which web pages may call the service (Fetch standard, CORS): those of the configured origins.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use platform::variables::{self, Misconfigured};

use crate::{incoming::Incoming, reply::Reply};

/// How long a browser may remember what a preflight told it, in seconds.
const MAX_AGE: &str = "600";

/// What pages may send beside what browsers always allow.
const ALLOWED_HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, token, \
                               traceparent, tracestate, x-request-id";

/// What pages may read beside what browsers always show.
const EXPOSED_HEADERS: &str = "content-disposition, etag, idempotency-replayed, link, location, ratelimit, \
                               ratelimit-policy, retry-after, x-request-id";

/// The origins whose pages may call the service.
#[derive(Debug, PartialEq, Eq)]
pub enum Origins {
    Any,
    Listed(Vec<String>),
}

impl Origins {
    /// Reads `cors_origins`, a JSON list; `*` in it stands for every origin.
    ///
    /// # Errors
    /// The variable is something else.
    pub async fn load() -> Result<Self, Misconfigured> {
        let text = variables::text("cors_origins").await?;
        Self::parse(&text).ok_or_else(|| {
            let problem = "must be a JSON list of origins, such as [\"https://shop.example.com\"]";
            Misconfigured::new("cors_origins", problem)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let listed: Vec<String> = serde_json::from_str(text).ok()?;
        let is_origin = |text: &String| text.starts_with("http") && HeaderValue::from_str(text).is_ok();
        if listed.iter().any(|origin| origin == "*") {
            return Some(Self::Any);
        }
        listed.iter().all(is_origin).then_some(Self::Listed(listed))
    }

    /// The headers that let the page read the answer. Whoever calls shows a token in a header, never a
    /// cookie, so credentials need no permission.
    pub fn admit(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if let Self::Listed(listed) = self
            && !listed.is_empty()
        {
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        let Some(allowed) = origin.and_then(|origin| self.allowed(origin)) else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    }

    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        match self {
            Self::Any => Some(HeaderValue::from_static("*")),
            Self::Listed(listed) => listed.iter().any(|known| known == origin).then(|| origin.clone()),
        }
    }
}

/// Whether a browser asks what it may send.
pub fn is_preflight(request: &Incoming) -> bool {
    request.method == Method::OPTIONS
        && request.headers.contains_key(header::ORIGIN)
        && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// 204: what may be sent to a path with those methods. Whether this origin may send it is said by
/// `Access-Control-Allow-Origin`, which [`Origins::admit`] adds.
pub fn preflight(methods: HeaderValue) -> Reply {
    let fixed = |name: HeaderName, value| (name, HeaderValue::from_static(value));
    let headers = HeaderMap::from_iter([
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        fixed(header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS),
        fixed(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ]);
    Reply { headers, ..Reply::no_content() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(origins: &Origins, origin: &'static str) -> Option<HeaderValue> {
        let mut headers = HeaderMap::new();
        origins.admit(Some(&HeaderValue::from_static(origin)), &mut headers);
        headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN)
    }

    #[test]
    fn only_listed_origins_are_admitted() {
        let origins = Origins::parse(r#"["http://localhost:3000", "https://shop.example.com"]"#).unwrap();
        assert_eq!(admitted(&origins, "https://shop.example.com").unwrap(), "https://shop.example.com");
        for stranger in ["https://shop.example.com.evil.org", "http://shop.example.com", "null"] {
            assert_eq!(admitted(&origins, stranger), None, "{stranger}");
        }
    }

    #[test]
    fn a_star_admits_everybody_and_an_empty_list_nobody() {
        assert_eq!(admitted(&Origins::parse(r#"["*"]"#).unwrap(), "https://a.example").unwrap(), "*");
        assert_eq!(admitted(&Origins::parse("[]").unwrap(), "https://a.example"), None);
        assert_eq!(Origins::parse("https://a.example"), None);
        assert_eq!(Origins::parse(r#"["a\nb"]"#), None);
    }
}
