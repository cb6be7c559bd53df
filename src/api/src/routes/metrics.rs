//! Metrics for Prometheus.

use platform::{
    Database, DbError,
    circuit::State,
    log::Line,
    metrics::{self, Samples},
    outbox, reconciliation,
};

use crate::{call::Call, reply::Reply, router::Answer};

/// `GET /metrics`: what all instances have counted, how long the queue is, and what is wrong with orders.
/// A source that can't be reached is said so, and its metrics are missing.
pub async fn scrape(call: &Call) -> Answer {
    let app = call.app()?;
    let mut samples =
        Samples::from([(format!("order_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0)]);
    app.circuits.clone().refresh().await;
    samples.extend(app.circuits.states().into_iter().map(|(service, state)| {
        let is_open = f64::from(u8::from(state == State::Open));
        (format!("order_circuit_open{{service=\"{service}\"}}"), is_open)
    }));
    let sources = [
        ("redis", metrics::counted(&app.redis).await),
        ("postgres", stored(&app.db).await.map_err(|error| error.to_string())),
    ];
    for (source, found) in sources {
        let up = f64::from(u8::from(found.is_ok()));
        samples.insert(format!("order_metrics_source_up{{source=\"{source}\"}}"), up);
        match found {
            Ok(found) => samples.extend(found),
            Err(error) => {
                Line::warn("metrics are missing").field("source", source).field("error", error).write()
            }
        }
    }
    let reply = Reply::text("text/plain; version=0.0.4; charset=utf-8", metrics::exposition(&samples));
    Ok(reply)
}

/// What the database knows.
async fn stored(db: &Database) -> Result<Samples, DbError> {
    let mut samples = outbox::samples(db).await?;
    samples.extend(reconciliation::samples(db).await?);
    Ok(samples)
}
