//! The worker: takes what is due in batches, does each batch's tasks at the same time, and puts off
//! what fails.

use std::time::{Duration, Instant};

use futures::future::join_all;
use platform::{
    DbError, Trace, checkout,
    ledger::{self, By, Settled},
    log::Line,
    outbox::{self, Job, Task},
    services::{Entry, PaymentOutcome},
};

use crate::app::App;

/// After this long no further batch is begun: the next message finds what is left. Messages are
/// handled one after another, so a nudge never waits much longer.
const BUDGET: Duration = Duration::from_secs(10);

/// Works until nothing is due or the budget is spent.
pub async fn work(app: &App) -> Result<(), DbError> {
    let started = Instant::now();
    // An instance lives for one message: it knows of no failures yet.
    app.circuits.clone().refresh().await;
    while started.elapsed() < BUDGET {
        let batch = outbox::claim(&app.db).await?;
        if batch.is_empty() {
            break;
        }
        let outcomes = join_all(batch.iter().map(|task| perform(app, task))).await;
        let done =
            batch.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(task, _)| task.id);
        outbox::complete(&app.db, done.collect()).await?;
        for (task, outcome) in batch.iter().zip(outcomes) {
            if let Err(error) = outcome {
                put_off(app, task, &error).await?;
            }
        }
    }
    Ok(())
}

async fn put_off(app: &App, task: &Task, error: &str) -> Result<(), DbError> {
    Line::warn("a task failed and is put off")
        .trace(&task.trace())
        .number("task_id", task.id)
        .number("order_id", task.order_id.get())
        .number("attempts", task.attempts)
        .field("error", error)
        .write();
    outbox::put_off(&app.db, task, error).await
}

/// Does a task, or says why it isn't done.
async fn perform(app: &App, task: &Task) -> Result<(), String> {
    let trace = task.trace();
    let key = task.idempotency_key();
    match task.job {
        Job::SettlePayment { seq } => settle(app, task, seq, &trace).await,
        Job::Refund { seq } => refund(app, task, seq, &trace).await,
        Job::ClearCart {} => {
            app.carts.clear(&task.user_id, &trace).await.map_err(|error| error.to_string())?;
            checkout::finish(&app.db, task.order_id).await.map_err(|error| error.to_string())
        }
        Job::SendConfirmation {} => match &task.email {
            Some(email) => app
                .notifications
                .order_confirmation((&task.user_id, email), (task.order_id, task.total_amount), &key, &trace)
                .await
                .map_err(|error| error.to_string()),
            // Nobody to write to.
            None => Ok(()),
        },
        Job::SendStatus { status } => app
            .notifications
            .order_status(&task.user_id, (task.order_id, status), &key, &trace)
            .await
            .map_err(|error| error.to_string()),
    }
}

async fn settle(app: &App, task: &Task, seq: i32, trace: &Trace) -> Result<(), String> {
    let Some(charge) = pending(app, task, seq).await? else { return Ok(()) };
    let settled = ledger::settle(&app.db, &app.payments, &charge, By::Task, trace).await;
    match settled.map_err(|error| error.to_string())? {
        Settled::Paid(_) | Settled::Refused(_) => Ok(()),
        Settled::NotReached(down) => Err(down.to_string()),
        Settled::Unknown(problem) => Err(problem),
    }
}

async fn refund(app: &App, task: &Task, seq: i32, trace: &Trace) -> Result<(), String> {
    let Some(refund) = pending(app, task, seq).await? else { return Ok(()) };
    match app.payments.refund(&refund, trace).await {
        PaymentOutcome::Approved { reference } => {
            ledger::refunded(&app.db, &refund, reference.as_deref()).await.map_err(|error| error.to_string())
        }
        PaymentOutcome::Declined => Err("the payment service refuses the refund".to_owned()),
        PaymentOutcome::NotReached(down) => Err(down.to_string()),
        PaymentOutcome::Unknown(problem) => Err(problem),
    }
}

async fn pending(app: &App, task: &Task, seq: i32) -> Result<Option<Entry>, String> {
    ledger::pending(&app.db, task.order_id, seq).await.map_err(|error| error.to_string())
}
