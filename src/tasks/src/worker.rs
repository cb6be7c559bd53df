//! The worker: takes what is due in batches, does each batch's tasks at the same time, and puts off
//! what fails.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::bail;
use domain::{CartLine, Item, OrderId};
use futures::future::join_all;
use platform::{
    DbError, Trace, checkout,
    ledger::{self, Movement},
    log::Line,
    orders,
    outbox::{self, Claimed, Job, Outcomes, Task},
    services::{Confirmation, PaymentOutcome, StatusUpdate},
    settlement::{self, By, Settled},
};

use crate::app::App;

/// After this long no further batch is begun: the next message finds what is left. Messages are
/// handled one after another, so a nudge never waits much longer.
const BUDGET: Duration = Duration::from_secs(10);

/// What came of a task that didn't fail.
enum Outcome {
    Done,
    /// Its time hasn't come, or an earlier message of its order waits.
    Early,
}

/// Works until nothing is due or the budget is spent; tells whether something may be left.
pub async fn work(app: &App) -> Result<bool, DbError> {
    let started = Instant::now();
    // An instance lives for one message: it knows of no failures yet.
    app.circuits.clone().refresh().await;
    while started.elapsed() < BUDGET {
        let claimed = outbox::claim(&app.db, app.lease).await?;
        if claimed.is_empty() {
            return Ok(false);
        }
        let Claimed { tasks, unreadable, .. } = claimed;
        let (suspects, batch): (Vec<_>, Vec<_>) = tasks.into_iter().partition(Task::is_suspect);
        work_on(app, &batch, Outcomes { failed: unreadable, ..Outcomes::default() }).await?;
        // One at a time: a task that kills its worker must not take others along.
        for suspect in &suspects {
            work_on(app, std::slice::from_ref(suspect), Outcomes::default()).await?;
        }
    }
    Ok(true)
}

/// Does tasks at the same time, but those of one order one after another, and records what came of them and of others
/// before. What can't be recorded is done again: every task may be.
async fn work_on(app: &App, tasks: &[Task], mut outcomes: Outcomes) -> Result<(), DbError> {
    let changing: Vec<_> =
        tasks.iter().filter(|task| task.job.changes_the_order()).map(|task| task.order_id).collect();
    app.order_cache.hold(&app.redis, &changing, None).await;
    let mut orders: BTreeMap<OrderId, Vec<&Task>> = BTreeMap::new();
    for task in tasks {
        orders.entry(task.order_id).or_default().push(task);
    }
    let performed = join_all(orders.into_values().map(|tasks| perform_in_order(app, tasks))).await;
    for (task, outcome) in performed.into_iter().flatten() {
        match outcome {
            Ok(Outcome::Done) => outcomes.done.push(task.id),
            Ok(Outcome::Early) => outcomes.early.push(task.id),
            Err(error) => {
                let error = format!("{error:#}");
                Line::warn("a task failed and is put off")
                    .trace(&task.trace())
                    .value("task_id", task.id.get())
                    .value("order_id", task.order_id.get())
                    .value("attempts", task.attempts)
                    .field("error", &error)
                    .write();
                outcomes.failed.push((task.id, error));
            }
        }
    }
    outbox::conclude(&app.db, outcomes, app.max_attempts).await
}

/// Does the tasks of one order in the order in which they were written. A push after one that failed waits for it, as in
/// [`outbox::claim`].
async fn perform_in_order<'t>(
    app: &App,
    mut tasks: Vec<&'t Task>,
) -> Vec<(&'t Task, anyhow::Result<Outcome>)> {
    tasks.sort_by_key(|task| task.id);
    let mut performed: Vec<(&Task, anyhow::Result<Outcome>)> = Vec::with_capacity(tasks.len());
    let mut is_held_up = false;
    for task in tasks {
        let is_message = matches!(task.job, Job::SendStatus { .. });
        let outcome = if is_message && is_held_up { Ok(Outcome::Early) } else { perform(app, task).await };
        is_held_up |= is_message && outcome.is_err();
        performed.push((task, outcome));
    }
    performed
}

/// Does a task, or says why it isn't done.
async fn perform(app: &App, task: &Task) -> anyhow::Result<Outcome> {
    if task.is_suspect() && task.attempts > app.max_attempts {
        bail!("no worker has ever finished it");
    }
    let trace = task.trace();
    let key = task.idempotency_key();
    match &task.job {
        Job::SettlePayment { seq } => settle(app, task, *seq, &trace).await?,
        Job::Refund { seq } => refund(app, task, *seq, &trace).await?,
        Job::ClearCart { lines } => clear_cart(app, task, lines.as_deref(), &trace).await?,
        Job::SendConfirmation {} => {
            // Otherwise there is nobody to write to.
            if let Some(email) = &task.email {
                let confirmation = Confirmation {
                    user_id: &task.user_id,
                    email,
                    order_id: task.order_id,
                    total_amount: task.total_amount,
                };
                app.notifications.order_confirmation(&confirmation, &key, &trace).await?;
            }
        }
        Job::SendStatus { status } => {
            let update = StatusUpdate { user_id: &task.user_id, order_id: task.order_id, status: *status };
            app.notifications.order_status(&update, &key, &trace).await?;
        }
        Job::ComeDue {} => {
            let is_noted = orders::come_due(&app.db, task).await?;
            return Ok(if is_noted { Outcome::Done } else { Outcome::Early });
        }
    }
    Ok(Outcome::Done)
}

/// Empties the cart if it is as it was when it became the order. An earlier try may have emptied it without saying so.
async fn clear_cart(
    app: &App,
    task: &Task,
    ordered: Option<&[CartLine]>,
    trace: &Trace,
) -> anyhow::Result<()> {
    if !checkout::is_open(&app.db, task.order_id).await? {
        return Ok(());
    }
    let lines = match ordered {
        Some(ordered) => Some(ordered.to_vec()),
        None => lines_of(app, task).await?,
    };
    if let Some(lines) = lines {
        app.carts.clear_if_unchanged(&task.user_id, &lines, trace).await?;
    }
    Ok(checkout::finish(&app.db, task.order_id).await?)
}

/// What the order consists of now.
async fn lines_of(app: &App, task: &Task) -> anyhow::Result<Option<Vec<CartLine>>> {
    let order = orders::find(&app.db, task.order_id).await?;
    let line = |item: Item| CartLine { product_id: item.product_id, quantity: item.quantity.into() };
    Ok(order.map(|order| order.items.into_iter().map(line).collect()))
}

async fn settle(app: &App, task: &Task, seq: i32, trace: &Trace) -> anyhow::Result<()> {
    let Some(charge) = pending(app, task, seq).await? else { return Ok(()) };
    let settled = settlement::settle(&app.db, &app.payments, &charge, By::Task, trace).await;
    match settled? {
        Settled::Paid(_) | Settled::Refused(_) => Ok(()),
        Settled::NotReached(down) => Err(down.into()),
        Settled::Unknown(problem) => bail!(problem),
    }
}

async fn refund(app: &App, task: &Task, seq: i32, trace: &Trace) -> anyhow::Result<()> {
    let Some(refund) = pending(app, task, seq).await? else { return Ok(()) };
    match app.payments.refund(&refund, trace).await {
        PaymentOutcome::Approved { reference } => {
            Ok(ledger::refunded(&app.db, &refund, reference.as_deref()).await?)
        }
        PaymentOutcome::Declined => bail!("the payment service refuses the refund"),
        PaymentOutcome::NotReached(down) => Err(down.into()),
        PaymentOutcome::Unknown(problem) => bail!(problem),
    }
}

async fn pending(app: &App, task: &Task, seq: i32) -> anyhow::Result<Option<Movement>> {
    Ok(ledger::pending(&app.db, task.order_id, seq).await?)
}
