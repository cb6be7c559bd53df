//! Whether the service is alive, ready for requests, and how its dependencies are.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::{HeaderValue, StatusCode, header};
use platform::health::{self, Dependency, SCHEMA_VERSION};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{call::Call, problem::Problem, quote, reply::Reply, router::Answer};

/// How the service is.
#[derive(Serialize, JsonSchema)]
pub struct Health {
    status: Liveness,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Liveness {
    Ok,
    Ready,
}

/// How what the service needs is.
#[derive(Serialize, JsonSchema)]
pub struct Dependencies {
    status: Condition,
    checked_at: DateTime<Utc>,
    dependencies: BTreeMap<String, Dependency>,
}

/// What the dependencies come to.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Condition {
    Ok,
    /// Something is down without which orders are still read.
    Degraded,
    /// No order can be read.
    Down,
}

/// `GET /health`: alive, whatever its dependencies do.
pub async fn alive(_: &Call) -> Answer {
    Ok(Reply::ok(&Health { status: Liveness::Ok }))
}

/// `GET /health/ready`: configured, with a database whose schema fits.
pub async fn ready(call: &Call) -> Answer {
    let app = call.app.as_ref().map_err(|error| Problem::misconfigured("the service can't start", error))?;
    let verifier = app.verifier.as_ref();
    verifier.map_err(|error| Problem::misconfigured("tokens can't be verified", error))?;
    quote::check(&app.delivery_parameters, call.now)
        .map_err(|error| Problem::misconfigured("no delivery can be quoted", &error))?;
    let version = health::schema_version(&app.db).await?;
    if version < SCHEMA_VERSION {
        let found = format!("the schema is at version {version}, this release needs {SCHEMA_VERSION}");
        return Err(Problem::unavailable("the database's schema", found));
    }
    Ok(Reply::ok(&Health { status: Liveness::Ready }))
}

/// `GET /health/dependencies`: each of them, as seen a few seconds ago at most.
pub async fn dependencies(call: &Call) -> Answer {
    let app = call.app()?;
    let report = health::report(&app.db, &app.redis, &app.dependencies(), call.now).await;
    let (code, status) = match (report.is_up("postgres"), report.is_all_up()) {
        (true, true) => (StatusCode::OK, Condition::Ok),
        (true, false) => (StatusCode::OK, Condition::Degraded),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, Condition::Down),
    };
    let body = Dependencies { status, checked_at: report.checked_at, dependencies: report.dependencies };
    let reply = Reply::json(code, &body);
    if code.is_success() {
        return Ok(reply);
    }
    Ok(reply.header(header::RETRY_AFTER, HeaderValue::from(health::FRESH.num_seconds())))
}
