//! The outbox: tasks that were written together with the change that causes them.

use domain::{Money, OrderId, Status, UserId};
use serde::Deserialize;
use spin_sdk::{pg::ParameterValue, redis::RedisParameter};

use crate::{
    Database, DbError, Redis, Trace,
    database::{document, the_document},
    metrics::Figures,
};

/// How many tasks a worker takes at once.
const BATCH: i64 = 32;

/// After so many tries a task that moves no money is given up and kept as a dead letter. With the
/// backoff below that is about a day.
const MAX_ATTEMPTS: i32 = 30;

/// The message by which time passes for the task component, at most once a second.
pub const TICK: &str = "tick";

/// Something to do for an order.
#[derive(Clone, Debug, Deserialize)]
pub struct Task {
    pub id: i64,
    #[serde(flatten)]
    pub job: Job,
    pub order_id: OrderId,
    pub user_id: UserId,
    pub email: Option<String>,
    pub total_amount: Money,
    pub attempts: i32,
    request_id: Option<String>,
    traceparent: Option<String>,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", content = "payload")]
pub enum Job {
    /// Ask for a charge whose outcome nobody recorded.
    #[serde(rename = "payment.settle")]
    SettlePayment { seq: i32 },
    /// Pay money back.
    #[serde(rename = "payment.refund")]
    Refund { seq: i32 },
    /// Empty the cart that became the order.
    #[serde(rename = "cart.clear")]
    ClearCart {},
    /// Have the confirmation e-mail sent.
    #[serde(rename = "notify.confirmation")]
    SendConfirmation {},
    /// Have a push message about the status sent.
    #[serde(rename = "notify.status")]
    SendStatus { status: Status },
}

impl Job {
    /// What this version knows to do; other kinds are left to the version that wrote them.
    const KINDS: [&str; 5] =
        ["payment.settle", "payment.refund", "cart.clear", "notify.confirmation", "notify.status"];
}

impl Task {
    /// The request that caused this task.
    pub fn trace(&self) -> Trace {
        let request_id = self.request_id.clone().unwrap_or_else(|| format!("task-{}", self.id));
        Trace { request_id, traceparent: self.traceparent.clone(), tracestate: None }
    }

    /// The same at every try, so that whoever receives it can tell a repetition.
    pub fn idempotency_key(&self) -> String {
        format!("task-{}", self.id)
    }
}

/// Takes tasks that are due, each for a minute: should this worker die, they come back by themselves.
pub async fn claim(db: &Database) -> Result<Vec<Task>, DbError> {
    let statement = "with due as (
            select id from tasks where status = 'queued' and due_at <= now() and kind = any($2::text[])
            order by due_at limit $1 for update skip locked
        ), claimed as (
            update tasks t set due_at = now() + interval '60 seconds', attempts = attempts + 1
            from due where t.id = due.id
            returning t.*
        )
        select row_to_json(d)::text from (
            select t.id, t.kind, t.payload, t.order_id, t.attempts, t.request_id, t.traceparent,
                o.user_id, o.total_amount, u.email
            from claimed t join orders o on o.id = t.order_id join users u on u.uid = o.user_id
        ) d";
    let kinds = Job::KINDS.map(str::to_owned).to_vec();
    db.change(statement, &[BATCH.into(), kinds.into()]).await?.iter().map(document).collect()
}

/// Forgets tasks that are done.
pub async fn complete(db: &Database, done: Vec<i64>) -> Result<(), DbError> {
    db.idempotent("delete from tasks where id = any($1::int8[])", &[done.into()]).await.map(drop)
}

/// Puts a failed task off: twice as long each time, up to an hour, give or take a quarter so that
/// tasks that failed together don't all come back together. A task that moves money is never given
/// up; others become dead letters.
pub async fn put_off(db: &Database, task: &Task, error: &str) -> Result<(), DbError> {
    let statement = "update tasks set last_error = left($2, 500),
            due_at = now() + least(power(2, attempts), 3600) * (0.75 + random() / 2) * interval '1 second',
            status = case when attempts >= $3 and kind not like 'payment.%' then 'dead' else status end
        where id = $1";
    let parameters = [task.id.into(), ParameterValue::Str(error.replace('\0', "")), MAX_ATTEMPTS.into()];
    db.change(statement, &parameters).await.map(drop)
}

/// Wakes the task component. Only a nudge: a lost one delays tasks until the next.
pub async fn nudge(redis: &Redis, channel: &str) -> Result<(), String> {
    let arguments = [channel, "due"].map(|text| RedisParameter::Binary(text.as_bytes().to_vec()));
    redis.execute("PUBLISH", arguments).await.map(drop)
}

/// Wakes the task component if no instance has done so within a second: what keeps retries and
/// scheduled work going without a clock of our own.
pub async fn tick(redis: &Redis, channel: &str) -> Result<(), String> {
    const SCRIPT: &str = "if redis.call('set', KEYS[1], '1', 'nx', 'px', '1000') then \
        return redis.call('publish', ARGV[1], ARGV[2]) end return 0";
    let key = format!("{channel}:tick");
    let arguments =
        [SCRIPT, "1", &key, channel, TICK].map(|text| RedisParameter::Binary(text.as_bytes().to_vec()));
    redis.execute("EVAL", arguments).await.map(drop)
}

/// How long the queue is.
pub async fn figures(db: &Database) -> Result<Figures, DbError> {
    let statement = "select row_to_json(f)::text from (
            select count(*) filter (where status = 'queued') as order_tasks_queued,
                count(*) filter (where status = 'queued' and due_at < now()) as order_tasks_overdue,
                greatest(coalesce(extract(epoch from now() - min(due_at) filter (where status = 'queued')), 0), 0)
                    as order_tasks_lag_seconds,
                count(*) filter (where status = 'dead') as order_tasks_dead
            from tasks
        ) f";
    the_document(&db.idempotent(statement, &[]).await?)
}
