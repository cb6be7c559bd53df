//! Changing one order: read it, decide, store; and again when somebody else was faster.

use std::{slice, time::Duration};

use domain::{Order, Refusal};
use futures::future::join;
use http::{HeaderName, header};
use platform::orders;
use spin_sdk::wasip3::spawn;

use crate::{
    call::{Call, no_such_order},
    problem::{Kind, Problem},
};

/// How often a change that is overtaken is decided anew.
const ATTEMPTS: usize = 5;

/// Lets `decide` look at the order that the path names, decide and store; it answers none when the order's version moved on
/// between reading and storing. The order is visible to the actor and has the version that `If-Match` asks for, where it
/// does.
pub async fn change<T>(
    call: &Call,
    decide: impl AsyncFn(Order) -> Result<Option<T>, Problem>,
) -> Result<T, Problem> {
    let result = attempt(call, decide).await;
    if result.as_ref().is_err_and(Problem::is_refusal) {
        release(call, None);
    }
    result
}

/// Lets the cache serve the call's order again, in the version that the call made if it made one.
pub fn release(call: &Call, version: Option<i32>) {
    let (Ok(app), Ok(id), writer) = (call.app(), call.order_id(), call.writer().to_owned()) else { return };
    spawn(async move { app.order_cache.release(&app.redis, id, (&writer, version)).await });
}

async fn attempt<T>(
    call: &Call,
    decide: impl AsyncFn(Order) -> Result<Option<T>, Problem>,
) -> Result<T, Problem> {
    let (app, actor) = (call.app()?, call.actor()?);
    let (id, writer) = (call.order_id()?, call.writer());
    for _ in 0..ATTEMPTS {
        // The order is read while the cache is told of the change to come.
        let held = app.order_cache.hold(&app.redis, slice::from_ref(&id), Some(writer));
        let (order, ()) = join(orders::find(&app.db, id), held).await;
        let order = order?.filter(|order| order.standing().is_visible_to(actor)).ok_or_else(no_such_order)?;
        check_precondition(call, &order)?;
        if let Some(done) = decide(order).await? {
            return Ok(done);
        }
    }
    let detail = "this order is being changed by others at the moment; please try again";
    Err(Problem::new(Kind::Overtaken, detail).retry_after(Duration::from_secs(1)))
}

/// Checks `If-Match` (RFC 9110, 13.1.1) against the order's version.
fn check_precondition(call: &Call, order: &Order) -> Result<(), Problem> {
    let current = etag(order.version);
    let is_current = |tag: &str| tag == "*" || tag == current;
    if !call.headers.contains_key(header::IF_MATCH) || tags(call, header::IF_MATCH).any(is_current) {
        return Ok(());
    }
    let detail = format!("the order has changed since: its ETag is {current} now; read it and decide again");
    Err(Problem::new(Kind::PreconditionFailed, detail))
}

/// Whether the client says by `If-None-Match` (RFC 9110, 13.1.2) that it knows this version of an order.
pub fn is_known(call: &Call, version: i32) -> bool {
    let current = etag(version);
    tags(call, header::IF_NONE_MATCH).any(|tag| tag == "*" || tag.trim_start_matches("W/") == current)
}

/// The entity tags of a header.
fn tags(call: &Call, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = call.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|text| text.split(',')).map(str::trim)
}

/// The entity tag of an order in that version.
pub fn etag(version: i32) -> String {
    format!("\"{version}\"")
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Role(_) | Refusal::Person(_) => Self::forbidden(refusal.to_string()),
            Refusal::Step { .. } | Refusal::Status { .. } | Refusal::Now(_) => {
                Self::new(Kind::StatusConflict, refusal.to_string())
            }
        }
    }
}
