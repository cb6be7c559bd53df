//! From a request to its handler.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::future::LocalBoxFuture;
use http::{HeaderMap, HeaderValue, Method, header};
use http_body_util::BodyExt;
use platform::{Trace, rate_limit::Class, variables::Misconfigured, within};
use routefinder::{Match, Router};
use spin_sdk::wasip3::{http::types::Request, http_compat::IncomingRequestBody};

use crate::{
    App, Call, auth, cors,
    edge::Record,
    idempotency,
    incoming::Incoming,
    limits,
    problem::{Kind, Problem},
    reply::Reply,
    routes::ROUTES,
};

/// No body this service understands is nearly as long.
const MAX_BODY: usize = 64 * 1024;

/// A client that is cut off while it still sends may never read the answer: so much is taken and thrown away.
const MAX_DISCARDED: usize = 4 * 1024 * 1024;

/// A client that sends slower than this keeps an instance from others' requests.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

pub type Answer = Result<Reply, Problem>;
pub type Handler = for<'c> fn(&'c Call) -> LocalBoxFuture<'c, Answer>;

/// One line of the route table.
pub struct Route {
    pub method: Method,
    /// Literal segments, and `:name` for parameters. Literal ones win.
    pub path: &'static str,
    pub handler: Handler,
    /// By what its requests are limited.
    pub class: Option<Class>,
    /// Sent again with the same `Idempotency-Key`, it is answered again and not carried out again.
    pub takes_idempotency_key: bool,
}

static ROUTER: LazyLock<Router<Vec<&'static Route>>> = LazyLock::new(|| {
    let mut paths: BTreeMap<&'static str, Vec<&'static Route>> = BTreeMap::new();
    for route in ROUTES.iter() {
        paths.entry(route.path).or_default().push(route);
    }
    let mut router = Router::new();
    for (path, routes) in paths {
        router.add(path, routes).expect("the paths of the table are well-formed");
    }
    router
});

/// Finds a request's handler and lets it answer.
pub async fn dispatch(
    app: &Result<&'static App, Misconfigured>,
    request: Incoming,
    trace: &Trace,
    record: &mut Record,
) -> Answer {
    let path = match request.target.path().trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    let Some(found) = find(path) else {
        return Err(Problem::not_found(
            "there is nothing at this path; GET /openapi.json lists what there is",
        ));
    };
    if cors::is_preflight(&request) {
        return Ok(cors::preflight(allowed(found.handler())));
    }
    let method = if request.method == Method::HEAD { &Method::GET } else { &request.method };
    let Some(route) = found.handler().iter().find(|route| route.method == *method) else {
        return Err(wrong_method(found.handler()));
    };
    record.route = Some(route.path);
    let parameters =
        found.captures().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let query =
        form_urlencoded::parse(request.target.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let mut call = Call::new(app.clone(), parameters, query, request.headers, trace.clone());
    record.order_id = call.order_id().ok();
    let limit = limits::check(route, &call).await;
    record.role = call.role();
    record.limit = limit?;
    if route.class.is_some() {
        auth::confirm(&call).await?;
    }
    let body = read(&request.method, &call.headers, request.body);
    call.body = within(BODY_TIMEOUT, body).await.ok_or_else(too_slow)??;
    let answer = if route.takes_idempotency_key {
        idempotency::answer(route, request.target.path(), &mut call).await
    } else {
        (route.handler)(&call).await
    };
    record.role = call.role();
    answer
}

/// The routes at a path. The router alone also takes `/orders12` for `/orders/:order_id`, and an empty segment for none.
fn find(path: &str) -> Option<Match<'static, '_, Vec<&'static Route>>> {
    ROUTER.best_match(path).filter(|found| fits(path, found.handler()))
}

/// Whether a path has its routes' segments one by one.
fn fits(path: &str, routes: &[&'static Route]) -> bool {
    let is_one = |(segment, pattern): (&str, &str)| match pattern.strip_prefix(':') {
        Some(_) => !segment.is_empty(),
        None => segment == pattern,
    };
    let pattern = routes.first().map_or("", |route| route.path);
    let (segments, patterns) = (path.split('/'), pattern.split('/'));
    segments.clone().count() == patterns.clone().count() && segments.zip(patterns).all(is_one)
}

fn wrong_method(routes: &[&'static Route]) -> Problem {
    let allowed = allowed(routes);
    let detail = format!("this path answers {}", allowed.to_str().unwrap_or_default());
    Problem::new(Kind::MethodNotAllowed, detail).header(header::ALLOW, allowed)
}

/// The methods of a path, as a list.
fn allowed(routes: &[&'static Route]) -> HeaderValue {
    let mut methods: Vec<_> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    HeaderValue::try_from(methods.join(", ")).expect("names of methods make a valid header")
}

/// Refuses a body that would have to be decompressed (RFC 9110, 8.4).
fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        return Ok(());
    }
    let detail = "the body must not be compressed; send it without Content-Encoding";
    let problem = Problem::new(Kind::UnsupportedEncoding, detail);
    Err(problem.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")))
}

fn too_slow() -> Problem {
    let detail = format!("the body did not arrive within {} seconds", BODY_TIMEOUT.as_secs());
    Problem::new(Kind::SlowBody, detail)
}

async fn read(method: &Method, headers: &HeaderMap, body: Request) -> Result<Bytes, Problem> {
    let (mut content, mut length) = (BytesMut::new(), 0);
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(content.freeze());
    }
    check_encoding(headers)?;
    let incomplete =
        |_| Problem::new(Kind::IncompleteBody, "the body did not arrive whole; send the request again");
    let mut body = IncomingRequestBody::new(body).map_err(incomplete)?;
    while length <= MAX_DISCARDED
        && let Some(frame) = body.frame().await
    {
        let part = frame.map_err(incomplete)?.into_data().unwrap_or_default();
        length += part.len();
        if length <= MAX_BODY {
            content.extend_from_slice(&part);
        }
    }
    if length > MAX_BODY {
        let detail = format!("the body is over {} KiB, the most this service takes", MAX_BODY / 1024);
        return Err(Problem::new(Kind::BodyTooLarge, detail));
    }
    Ok(content.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_routes_segments() {
        for path in ["/orders/12", "/orders/12/cancel", "/admin/users/ann/data", "/orders", "/health/ready"] {
            assert!(find(path).is_some(), "{path}");
        }
        for path in [
            "/orders12",
            "/orders12/cancel",
            "/orders7//cancel",
            "/orders//12",
            "/orders//cancel",
            "//orders/12",
            "/ordersfoo",
            "/templates12",
            "/adminusers/ann/data",
            "/admintasks/12/retry",
            "/health//ready",
            "/orders/12/cancelled",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn every_path_has_a_route_and_literal_segments_win() {
        for route in ROUTES.iter() {
            let concrete = route.path.replace(":order_id", "7").replace(":template_id", "7");
            let found = find(&concrete).expect(route.path);
            let same = |other: &&&Route| other.path == route.path && other.method == route.method;
            assert_eq!(found.handler().iter().filter(same).count(), 1, "{concrete}");
        }
    }
}
