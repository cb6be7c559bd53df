//! Figures for Prometheus.

use platform::{
    log::Line,
    metrics::{self, Figures},
    outbox,
};

use crate::{call::Call, reply::Reply, router::Answer};

/// `GET /metrics`: what all instances have counted, and how long the queue is. A source that can't be
/// reached is said so, and its figures are missing.
pub async fn scrape(call: &Call) -> Answer {
    let app = call.app()?;
    let mut figures =
        Figures::from([(format!("order_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), 1.0)]);
    let sources = [
        ("redis", metrics::counted(&app.redis).await),
        ("postgres", outbox::figures(&app.db).await.map_err(|error| error.to_string())),
    ];
    for (source, found) in sources {
        let up = f64::from(u8::from(found.is_ok()));
        figures.insert(format!("order_metrics_source_up{{source=\"{source}\"}}"), up);
        match found {
            Ok(found) => figures.extend(found),
            Err(error) => {
                Line::warn("figures are missing").field("source", source).field("error", error).write()
            }
        }
    }
    let reply = Reply::text("text/plain; version=0.0.4; charset=utf-8", metrics::exposition(&figures));
    Ok(reply)
}
