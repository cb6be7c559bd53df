//! Whether the service is alive.

use serde_json::json;

use crate::{call::Call, reply::Reply, router::Answer};

/// `GET /health`: alive, whatever its dependencies do.
pub async fn alive(_: &Call) -> Answer {
    Ok(Reply::ok(&json!({ "status": "ok" })))
}
