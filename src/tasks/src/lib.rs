//! The Redis-triggered component: does what orders leave to be done. A message is only a nudge; what
//! is due stands in the outbox.
#![allow(unsafe_code, reason = "what redis_subscriber generates")]

mod app;
mod worker;

use bytes::Bytes;

/// Where every message enters, one after another. (The names of a component's exports are none for
/// a native linker.)
#[cfg_attr(target_arch = "wasm32", spin_sdk::redis_subscriber)]
pub async fn on_message(_nudge: Bytes) -> anyhow::Result<()> {
    let app = app::App::load().await?;
    Ok(worker::work(&app).await?)
}
