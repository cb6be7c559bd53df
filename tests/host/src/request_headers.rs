//! The headers a request has when it reaches a component.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use http::header::{CONNECTION, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderName, HeaderValue, Request, Uri};

use crate::routes::RouteMatch;

/// Makes the URL absolute and appends Spin's own headers. Those of the same names that the client
/// sent stay, before Spin's.
pub fn prepare<B>(request: &mut Request<B>, found: &RouteMatch, client: SocketAddr) -> Result<()> {
    request.headers_mut().remove(CONNECTION);
    for value in request.headers().values() {
        std::str::from_utf8(value.as_bytes()).context("a header is not UTF-8")?;
    }
    let host = match request.headers().get(HOST) {
        Some(host) => host.to_str()?.to_owned(),
        None => "localhost".to_owned(),
    };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let prefix = found.pattern.strip_suffix("/...").unwrap_or(found.pattern);
    let mut added = vec![
        ("spin-path-info".to_owned(), found.rest.clone()),
        ("spin-full-url".to_owned(), format!("http://{host}{path}")),
        ("spin-matched-route".to_owned(), found.normal.to_owned()),
        ("spin-base-path".to_owned(), "/".to_owned()),
        ("spin-raw-component-route".to_owned(), found.pattern.to_owned()),
        ("spin-component-route".to_owned(), prefix.to_owned()),
        ("spin-client-addr".to_owned(), client.to_string()),
    ];
    for (name, value) in &found.segments {
        let name = name.to_ascii_lowercase().replace('_', "-");
        added.push((format!("spin-path-match-{name}"), value.clone()));
    }
    for (name, value) in added {
        // Spin leaves out what is no header.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            request.headers_mut().append(name, value);
        }
    }
    Ok(())
}

/// Completes the request's URL by its `Host`; the two must not contradict each other.
pub fn make_absolute<B>(request: &mut Request<B>) -> Result<()> {
    let host: Option<Authority> = match request.headers().get(HOST) {
        Some(host) => Some(host.to_str()?.parse().context("'Host' header contains an invalid authority")?),
        None => None,
    };
    let mut parts = request.uri().clone().into_parts();
    let Some(authority) = host.clone().or_else(|| parts.authority.clone()) else {
        bail!("no 'Host' header present in request");
    };
    ensure!(
        host.is_none() || parts.authority.is_none() || host == parts.authority,
        "authority in 'Host' header does not match authority in URI"
    );
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    *request.uri_mut() = Uri::from_parts(parts)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Routes;

    #[test]
    fn a_clients_own_spin_header_comes_first_and_connection_is_gone() {
        let routes = Routes::new([("/shop/...", "shop")]).unwrap();
        let mut request = Request::get("/shop/a?b=c")
            .header("host", "example.com")
            .header("connection", "keep-alive")
            .header("spin-client-addr", "6.6.6.6:6")
            .body(())
            .unwrap();
        let found = routes.find("/shop/a").unwrap();
        make_absolute(&mut request).unwrap();
        prepare(&mut request, &found, "1.2.3.4:5".parse().unwrap()).unwrap();
        let all = |name| -> Vec<_> { request.headers().get_all(name).iter().collect() };
        assert_eq!(all("spin-client-addr"), ["6.6.6.6:6", "1.2.3.4:5"]);
        assert_eq!(all("spin-full-url"), ["http://example.com/shop/a?b=c"]);
        assert_eq!(all("spin-path-info"), ["/a"]);
        assert_eq!(all("spin-matched-route"), ["/shop/..."]);
        assert_eq!(all("spin-component-route"), ["/shop"]);
        assert!(all("connection").is_empty());
        assert_eq!(request.uri(), "http://example.com/shop/a?b=c");
    }

    #[test]
    fn a_request_needs_an_unambiguous_host() {
        assert!(make_absolute(&mut Request::get("/").body(()).unwrap()).is_err());
        let mut ambiguous = Request::get("http://a/").header("host", "b").body(()).unwrap();
        assert!(make_absolute(&mut ambiguous).is_err());
    }
}
