//! The Redis-triggered component: does what orders leave to be done. A message is only a nudge; what
//! is due stands in the outbox.
#![allow(unsafe_code, reason = "what redis_subscriber generates")]

mod app;
mod reconciler;
mod worker;

use bytes::Bytes;
use platform::{idempotency, log::Line, wake};

/// Where every message enters, one after another. (Exported on wasm only: native linkers reject the names of a
/// component's exports.)
#[cfg_attr(target_arch = "wasm32", spin_sdk::redis_subscriber)]
pub async fn on_message(nudge: Bytes) -> anyhow::Result<()> {
    let done = attend_to(nudge).await;
    if let Err(error) = &done {
        // The host may say nothing of it.
        Line::error("what is due has to wait for the next message")
            .field("error", format!("{error:#}"))
            .write();
    }
    done
}

async fn attend_to(nudge: Bytes) -> anyhow::Result<()> {
    let app = app::App::load().await?;
    let is_busy = worker::work(&app).await?;
    // A busy worker hears few ticks.
    if nudge == wake::TICK || is_busy {
        idempotency::forget_expired(&app.db).await?;
        reconciler::reconcile(&app).await?;
    }
    Ok(())
}
