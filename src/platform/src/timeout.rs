//! An end to every wait.

use std::{pin::pin, time::Duration};

use futures::future::{Either, select};
use spin_sdk::time::sleep;

/// The outcome of `work`, or none when it isn't there within `limit`; the work is given up then.
pub async fn within<W: Future>(limit: Duration, work: W) -> Option<W::Output> {
    match select(pin!(work), pin!(sleep(limit))).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(_) => None,
    }
}
