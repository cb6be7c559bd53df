//! The HTTP component: one entry, a table of routes, and an answer to every request.

mod app;
mod auth;
mod call;
mod changing;
mod delivery;
mod paging;
mod placing;
mod problem;
mod reply;
mod revising;
mod router;
mod routes;
mod tracking;

use platform::log::Line;
use spin_sdk::{
    http::Request,
    wasip3::{http::types::Response, spawn},
};

use crate::{app::App, call::Call};

/// Where every request enters. (The names of a component's exports are none for a native linker.)
#[cfg_attr(target_arch = "wasm32", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    let reply = router::answer(request).await;
    let response = reply.send().await;
    spawn(keep_tasks_going());
    response
}

/// Lets the task component look for due work, at most once a second for all instances together.
async fn keep_tasks_going() {
    let Ok(app) = App::get().await else { return };
    if let Err(error) = app.tick().await {
        Line::debug("the task component was not woken").field("error", error).write();
    }
}
