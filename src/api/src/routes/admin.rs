//! The work behind orders, for admins: open tasks, and what the reconciler says.

use std::{ops::RangeInclusive, time::Duration};

use domain::{Invalid, Listing, both, query_integer};
use platform::{
    backlog::{self, Retry, TaskFilter, TaskStatus},
    outbox::Job,
    reconciliation,
};
use spin_sdk::wasip3::spawn;

use crate::{
    call::{Call, no_such_task},
    paging::linked,
    problem::{Kind, Problem},
    reply::Reply,
    router::Answer,
};

/// How many findings and repairs are shown at once.
pub const FINDINGS: RangeInclusive<u32> = 1..=1_000;
pub const DEFAULT_FINDINGS: u32 = 100;

/// `GET /admin/tasks`: what waits or was given up, newest first.
pub async fn tasks(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    let (filter, page) = both(filter(call), call.page()).map_err(Problem::invalid)?;
    let Listing { entries, next } = backlog::list(&app.db, &filter, &page).await?;
    Ok(linked(Reply::ok(&entries), call, "/admin/tasks", next))
}

/// `POST /admin/tasks/{task_id}/retry`: makes a task due at once, as if it had never been tried.
pub async fn retry(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    match backlog::retry(&app.db, call.task_id()?).await? {
        Some(Retry::Due(task)) => {
            spawn(app.nudge());
            Ok(Reply::ok(&task))
        }
        Some(Retry::InHand) => {
            let detail = "this task is being worked on at the moment; look at it again in a minute";
            Err(Problem::new(Kind::TaskInHand, detail).retry_after(Duration::from_secs(60)))
        }
        Some(Retry::ToCome) => {
            let detail = "this task takes up a scheduled order, whose time hasn't come";
            Err(Problem::new(Kind::TaskToCome, detail))
        }
        None => Err(no_such_task()),
    }
}

/// `GET /admin/reconciliation`: what is wrong with which order, and what was repaired.
pub async fn reconciliation(call: &Call) -> Answer {
    let app = call.app()?;
    call.admin()?;
    let limit = query_integer("limit", call.query("limit"), FINDINGS, DEFAULT_FINDINGS);
    let limit = limit.map_err(Problem::invalid)?;
    Ok(Reply::ok(&reconciliation::report(&app.db, limit).await?))
}

/// Reads the filters of the tasks.
///
/// # Errors
/// Each value that can't be one, by its name.
fn filter(call: &Call) -> Result<TaskFilter, Vec<Invalid>> {
    let status = |name| TaskStatus::named(name).ok_or(Invalid::new("status", "must be queued or dead"));
    let kind = |kind: &str| match Job::KINDS.contains(&kind) {
        true => Ok(kind.to_owned()),
        false => Err(Invalid::new("kind", format!("must be one of {}", Job::KINDS.join(", ")))),
    };
    let order_id = |text: &str| text.parse().map_err(|error| Invalid::new("order_id", format!("{error}")));
    let ((status, kind), order_id) = both(
        both(call.query("status").map(status).transpose(), call.query("kind").map(kind).transpose()),
        call.query("order_id").map(order_id).transpose(),
    )?;
    Ok(TaskFilter { status, kind, order_id })
}
