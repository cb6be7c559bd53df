//! Changing one order: read it, decide, store; and again when somebody else was faster.

use std::{slice, time::Duration};

use domain::Order;
use futures::future::join;
use platform::orders;
use spin_sdk::wasip3::spawn;

use crate::{
    call::{Call, no_such_order},
    preconditions::check_precondition,
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
