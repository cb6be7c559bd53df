//! What all requests and answers have in common: an identity, limits, headers that protect, a line in
//! the log and a count in the metrics.

use std::time::Instant;

use domain::{OrderId, Role};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use platform::{Trace, log::Line, metrics, random_id};

use crate::{
    App,
    incoming::Incoming,
    problem::{Kind, Problem},
    reply::Reply,
    router,
};

/// More than any client has reason to send.
const MAX_HEADERS: usize = 32 * 1024;
const MAX_TARGET: usize = 8 * 1024;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is learnt of a request on the way, beside its answer: for the log, the metrics and every answer's headers.
#[derive(Default)]
pub struct Record {
    /// The route's path; none where there is none.
    pub route: Option<&'static str>,
    pub role: Option<Role>,
    pub order_id: Option<OrderId>,
    /// Headers that tell how much its sender may send.
    pub limit: HeaderMap,
}

/// Answers a request, whatever it is.
pub async fn answer(request: Incoming) -> Reply {
    let begun = Instant::now();
    let trace = Trace::of(&request.headers, random_id);
    let (method, path) = (request.method.clone(), request.target.path().to_owned());
    let origin = request.headers.get(header::ORIGIN).cloned();
    let app = App::get().await;

    let mut record = Record::default();
    let answer = match check_size(&request) {
        Ok(()) => router::dispatch(&app, request, &trace, &mut record).await,
        Err(problem) => Err(problem),
    };
    let mut reply = answer.unwrap_or_else(|problem| problem.reply(&path, &trace));

    reply.headers.extend(std::mem::take(&mut record.limit));
    protect(&mut reply.headers);
    if let Ok(app) = app {
        app.origins.admit(origin.as_ref(), &mut reply.headers);
    }
    if let Ok(id) = HeaderValue::from_str(&trace.request_id) {
        reply.headers.insert(X_REQUEST_ID, id);
    }
    record.tell(method.as_str(), &path, reply.status, begun, &trace);
    reply
}

fn check_size(request: &Incoming) -> Result<(), Problem> {
    if request.target.as_str().len() > MAX_TARGET {
        let detail = format!(
            "the address is over {} KiB, the most this service takes; shorten the query",
            MAX_TARGET / 1024
        );
        return Err(Problem::new(Kind::AddressTooLong, detail));
    }
    let headers: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > MAX_HEADERS {
        let detail = format!(
            "the headers are over {} KiB, the most this service takes; send fewer",
            MAX_HEADERS / 1024
        );
        return Err(Problem::new(Kind::HeadersTooLarge, detail));
    }
    Ok(())
}

/// Nothing here is for caches, frames or content sniffers, where its route doesn't say so.
fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

impl Record {
    fn tell(&self, method: &str, path: &str, status: StatusCode, begun: Instant, trace: &Trace) {
        let took = begun.elapsed();
        let route = self.route.unwrap_or("none");
        // Any text can be a method, and would be a series of its own.
        let known = if self.route.is_some() { method } else { "any" };
        metrics::request(route, known, status.as_u16(), took);
        // Probes and scrapes come all the time and tell nothing.
        let is_probe = route.starts_with("/health") || route == "/metrics";
        let line = if is_probe { Line::debug("answered") } else { Line::info("answered") };
        let mut line = line.trace(trace).field("method", method).field("route", route);
        // A person's id may be an e-mail address.
        if !route.contains(":user_id") {
            line = line.field("path", path);
        }
        if let Some(role) = self.role {
            line = line.field("role", role.as_str());
        }
        if let Some(id) = self.order_id {
            line = line.value("order_id", id.get());
        }
        let millis = (took.as_secs_f64() * 1e6).round() / 1e3;
        line.value("status", status.as_u16()).value("duration_ms", millis).write();
    }
}
