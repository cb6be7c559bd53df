//! The HTTP component: one entry, a table of routes, and an answer to every request.

mod app;
mod auth;
mod call;
mod changing;
mod cors;
mod edge;
mod idempotency;
mod incoming;
mod limits;
mod openapi;
mod paging;
mod parts;
mod placing;
mod preconditions;
mod pricing;
mod problem;
mod quote;
mod reply;
mod revising;
mod router;
mod routes;
mod tracking;

use futures::future::join;
use platform::{log::Line, metrics};
use spin_sdk::wasip3::{
    exports::http::handler::Guest,
    http::types::{ErrorCode, Request, Response},
    spawn,
};

use crate::{app::App, call::Call, incoming::Incoming};

/// Where every request enters. (Exported on wasm only: native linkers reject the names of a component's exports.)
pub struct Service;

#[cfg(target_arch = "wasm32")]
spin_sdk::wasip3::http::service::export!(Service);

impl Guest for Service {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let reply = edge::answer(Incoming::try_from(request)?).await;
        let response = reply.send().await;
        spawn(follow_up());
        Ok(response)
    }
}

/// What has time until the answer is sent: lets the task component look for due work, at most once a
/// second for all instances together, gives Postgres's connection back in turn, and takes counts to where they are
/// added up.
async fn follow_up() {
    let Ok(app) = App::get().await else { return };
    if let Err(error) = app.tick().await {
        Line::debug("the task component was not woken").field("error", error).write();
    }
    let (flushed, ()) = join(metrics::flush_soon(&app.redis), app.db.end_turn()).await;
    if let Err(error) = flushed {
        Line::debug("metrics wait for Redis").field("error", error).write();
    }
}
