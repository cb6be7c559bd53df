//! From a request to its handler, and from whatever comes of it to an answer.

use std::sync::LazyLock;

use bytes::Bytes;
use chrono::Utc;
use futures::future::LocalBoxFuture;
use http::{HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use platform::{Trace, log::Line};
use routefinder::Router;
use spin_sdk::{
    http::Request,
    wasip3::{http_compat::IncomingRequestBody, random::random},
};

use crate::{App, Call, problem::Problem, reply::Reply, routes::ROUTES};

/// No body this service understands is nearly as long.
const MAX_BODY: usize = 64 * 1024;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub type Answer = Result<Reply, Problem>;
pub type Handler = for<'c> fn(&'c Call) -> LocalBoxFuture<'c, Answer>;

/// One line of the route table.
pub struct Route {
    pub method: Method,
    /// Literal segments, and `:name` for parameters. Literal ones win.
    pub path: &'static str,
    pub handler: Handler,
}

static ROUTER: LazyLock<Router<Vec<&'static Route>>> = LazyLock::new(|| {
    let mut router: Router<Vec<&'static Route>> = Router::new();
    for route in ROUTES.iter() {
        let mut methods: Vec<_> = ROUTES.iter().filter(|other| other.path == route.path).collect();
        methods.dedup_by_key(|route| route.method.clone());
        router.add(route.path, methods).expect("the paths of the table are well-formed");
    }
    router
});

/// Answers a request, whatever it is.
pub async fn answer(request: Request) -> Reply {
    let (parts, body) = request.into_parts();
    let trace = trace_of(&parts);
    let path = parts.uri.path().to_owned();
    let reply =
        dispatch(parts, body, trace.clone()).await.unwrap_or_else(|problem| problem.reply(&path, &trace));
    Line::debug("answered")
        .trace(&trace)
        .field("path", &path)
        .number("status", reply.status.as_u16())
        .write();
    match HeaderValue::from_str(&trace.request_id) {
        Ok(id) => reply.header(X_REQUEST_ID, id),
        Err(_) => reply,
    }
}

async fn dispatch(parts: Parts, body: IncomingRequestBody, trace: Trace) -> Answer {
    let path = match parts.uri.path().trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    let Some(found) = ROUTER.best_match(path) else {
        return Err(Problem::not_found("there is nothing at this path"));
    };
    let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
    let Some(route) = found.handler().iter().find(|route| route.method == *method) else {
        return Err(wrong_method(found.handler()));
    };
    let body = read(&parts, body).await?;
    let parameters =
        found.captures().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let query =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let app = App::get().await;
    (route.handler)(&Call { app, parameters, query, headers: parts.headers, body, trace, now: Utc::now() })
        .await
}

fn wrong_method(routes: &[&'static Route]) -> Problem {
    let mut allowed: Vec<_> = routes.iter().map(|route| route.method.as_str()).collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    let allowed = allowed.join(", ");
    let detail = format!("this path answers {allowed}");
    let header_value = HeaderValue::try_from(allowed).unwrap_or(HeaderValue::from_static("GET"));
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
        .header(header::ALLOW, header_value)
}

async fn read(parts: &Parts, body: IncomingRequestBody) -> Result<Bytes, Problem> {
    if matches!(parts.method, Method::GET | Method::HEAD) {
        return Ok(Bytes::new());
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let detail = format!("the body is over {} KiB, the most this service takes", MAX_BODY / 1024);
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", detail))
        }
        Err(_) => {
            Err(Problem::new(StatusCode::BAD_REQUEST, "incomplete-body", "the body did not arrive whole"))
        }
    }
}

/// Takes the identity of a request from its headers; without a usable one it gets a new one.
fn trace_of(parts: &Parts) -> Trace {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let is_plain = |id: &&str| {
        (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    let request_id = text("x-request-id").filter(is_plain).map_or_else(random_id, str::to_owned);
    let traceparent = text("traceparent").filter(|text| is_traceparent(text)).map(str::to_owned);
    Trace { request_id, traceparent }
}

/// The form of W3C Trace Context, version 00: `00-<32 hex>-<16 hex>-<2 hex>`.
fn is_traceparent(text: &str) -> bool {
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    match text.split('-').collect::<Vec<_>>().as_slice() {
        ["00", trace, parent, flags] => is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2),
        _ => false,
    }
}

/// 128 random bits, as hexadecimal digits.
pub fn random_id() -> String {
    format!("{:016x}{:016x}", random::get_random_u64(), random::get_random_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_a_route_and_literal_segments_win() {
        for route in ROUTES.iter() {
            let concrete = route.path.replace(":order_id", "7").replace(":template_id", "7");
            let found = ROUTER.best_match(&concrete).expect(route.path);
            assert!(
                found.handler().iter().any(|r| r.path == route.path && r.method == route.method),
                "{concrete}"
            );
        }
    }

    #[test]
    fn only_well_formed_trace_contexts_are_passed_on() {
        assert!(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for wrong in ["", "00-x-y-01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "01-a-b-c"]
        {
            assert!(!is_traceparent(wrong), "{wrong}");
        }
    }
}
