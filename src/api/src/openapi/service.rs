//! The service itself.

use serde_json::{Map, Value, json};

use super::{
    operation::{Answer, Operation, operation},
    parameter::header::RETRY_AFTER,
};
use crate::routes::health::{Dependencies, Health};

pub fn operations() -> Vec<Operation> {
    let service = |route, summary| operation("Service", route, "anyone", summary);
    vec![
        service("GET /health", "Whether the service is alive, whatever its dependencies do")
            .answers(Answer::json::<Health>(200, "It is alive.", json!({ "status": "ok" }))),
        service("GET /health/ready", "Whether it is ready: configured, with a database whose schema fits")
            .answers(Answer::json::<Health>(200, "It is ready.", json!({ "status": "ready" })))
            .problem(503),
        service("GET /health/dependencies", "How what the service needs is, a few seconds old at most")
            .answers(Answer::json::<Dependencies>(200, "Orders can be read.", dependencies("up")))
            .answers(
                Answer::json::<Dependencies>(503, "Nothing goes without the database.", dependencies("down"))
                    .or_problem()
                    .with(&[RETRY_AFTER]),
            ),
        service("GET /metrics", "Metrics for Prometheus")
            .answers(
                Answer::new(200, "What all instances have counted, and how long the queue is.")
                    .text("text/plain"),
            )
            .problem(503),
        service("GET /openapi.json", "This description")
            .answers(Answer::json::<Map<String, Value>>(
                200,
                "OpenAPI 3.1.",
                json!({ "openapi": "3.1.0", "info": { "title": "Order Service" } }),
            ))
            .problem(503),
        service("GET /docs", "This description for people")
            .answers(Answer::new(200, "A page.").text("text/html")),
    ]
}

fn dependencies(postgres: &str) -> Value {
    json!({
        "status": if postgres == "up" { "ok" } else { "down" },
        "checked_at": "2023-01-01T13:00:00Z",
        "dependencies": {
            "postgres": { "status": postgres, "latency_ms": 0.4 },
            "redis": { "status": "up", "latency_ms": 0.2 },
        },
    })
}
