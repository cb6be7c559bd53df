//! The outbox: tasks that were written together with the change that causes them.

use std::time::Duration;

use domain::{CartLine, Money, OrderId, Status, TaskId, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;
use spin_sdk::pg::ParameterValue;

use crate::{Database, DbError, Trace, database::one_document, metrics::Samples};

/// How many messages a worker takes at once; of other tasks half as many.
const BATCH: i64 = 32;

/// After this many abandoned attempts, a task is suspected of killing its workers.
const SUSPICIOUS_ATTEMPTS: i32 = 3;

/// Something to do for an order.
#[derive(Clone, Debug, Deserialize)]
pub struct Task {
    pub id: TaskId,
    #[serde(flatten)]
    pub job: Job,
    pub order_id: OrderId,
    pub user_id: UserId,
    pub email: Option<String>,
    pub total_amount: Money,
    pub attempts: i32,
    /// The last worker to have it never said what came of it.
    left_behind: bool,
    request_id: Option<String>,
    trace_context: Option<String>,
}

/// What claiming answers.
#[derive(Deserialize)]
struct Batch {
    put_off: i64,
    tasks: Vec<Box<RawValue>>,
}

/// What is known of a task that can't be read.
#[derive(Deserialize)]
struct Unread {
    id: TaskId,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", content = "payload")]
pub enum Job {
    /// Ask for a charge whose outcome nobody recorded.
    #[serde(rename = "payment.settle")]
    SettlePayment { seq: i32 },
    /// Pay money back.
    #[serde(rename = "payment.refund")]
    Refund { seq: i32 },
    /// Empty the cart that became the order, of these lines. (Releases before migration 0025 didn't note them.)
    #[serde(rename = "cart.clear")]
    ClearCart { lines: Option<Vec<CartLine>> },
    /// Have the confirmation e-mail sent.
    #[serde(rename = "notify.confirmation")]
    SendConfirmation {},
    /// Have a push message about the status sent.
    #[serde(rename = "notify.status")]
    SendStatus { status: Status },
    /// Take up a scheduled order.
    #[serde(rename = "order.due")]
    ComeDue {},
}

impl Job {
    /// What this version knows to do; other kinds are left to the version that wrote them.
    pub const KINDS: [&str; 6] = [
        "payment.settle",
        "payment.refund",
        "cart.clear",
        "notify.confirmation",
        "notify.status",
        "order.due",
    ];

    /// Whether the order may be another afterwards.
    pub fn changes_the_order(&self) -> bool {
        matches!(self, Self::SettlePayment { .. } | Self::ComeDue {})
    }
}

impl Task {
    /// The request that caused this task.
    pub fn trace(&self) -> Trace {
        let request_id = self.request_id.clone().unwrap_or_else(|| format!("task-{}", self.id));
        Trace::of_task(request_id, self.trace_context.as_deref())
    }

    /// The same at every try, so that whoever receives it can tell a repetition.
    pub fn idempotency_key(&self) -> String {
        format!("task-{}", self.id)
    }

    /// Whether its workers may have died of it: it is better done alone.
    pub fn is_suspect(&self) -> bool {
        self.left_behind && self.attempts > SUSPICIOUS_ATTEMPTS
    }
}

/// What came of tasks.
#[derive(Debug, Default)]
pub struct Outcomes {
    pub done: Vec<TaskId>,
    /// Their time hasn't come: they are looked at again soon, as if for the first time.
    pub early: Vec<TaskId>,
    /// Each with what went wrong.
    pub failed: Vec<(TaskId, String)>,
}

/// Tasks that a worker has taken.
#[derive(Default)]
pub struct Claimed {
    pub tasks: Vec<Task>,
    /// Those that can't be read, such as what a newer release wrote, and why: they have failed.
    pub unreadable: Vec<(TaskId, String)>,
    /// How many were put off instead: where there are some, others may be due behind them.
    put_off: i64,
}

impl Claimed {
    /// Whether nothing was due.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.unreadable.is_empty() && self.put_off == 0
    }
}

/// Takes tasks that are due, for as long as `lease`: should this worker die, they come back by themselves. What isn't a
/// message has places of its own, so that it doesn't wait behind messages that nobody takes. A push is put off for as
/// long as an earlier one of its order waits or another worker has it: the last to arrive shall be the last status.
pub async fn claim(db: &Database, lease: Duration) -> Result<Claimed, DbError> {
    let statement = "with errands as (
            select id, claimed_at is not null as left_behind from tasks
            where status = 'queued' and due_at <= now() and kind = any($2::text[]) and kind not like 'notify.%'
            order by due_at limit $1::int8 / 2 for update skip locked
        ), messages as (
            select id, kind, order_id, claimed_at is not null as left_behind from tasks
            where status = 'queued' and due_at <= now() and kind = any($2::text[]) and kind like 'notify.%'
            order by due_at limit $1::int8 for update skip locked
        ), early as (
            select m.id, max(e.due_at) filter (where e.claimed_at is null) as due_at
            from messages m join tasks e on e.order_id = m.order_id and e.id < m.id
            where m.kind = 'notify.status' and e.kind = 'notify.status' and e.status = 'queued'
                and (e.claimed_at is not null or e.id not in (select id from messages))
            group by m.id
        ), put_off as (
            update tasks t set due_at = greatest(e.due_at, now() + interval '1 second') from early e where t.id = e.id
            returning t.id
        ), due as (
            select id, left_behind from errands
            union all
            select id, left_behind from messages where id not in (select id from early)
        ), claimed as (
            update tasks t set attempts = attempts + 1, claimed_at = now(), due_at = now() + $3 * interval '1 second',
                last_error = case when left_behind then 'its worker did not finish' else last_error end
            from due where t.id = due.id
            returning t.*, left_behind
        )
        select json_build_object('put_off', (select count(*) from put_off), 'tasks', coalesce(json_agg(d), '[]'))::text
        from (
            select t.id, t.kind, t.payload, t.order_id, t.attempts, t.left_behind, t.request_id,
                t.traceparent as trace_context, o.user_id, o.total_amount, u.email
            from claimed t join orders o on o.id = t.order_id join users u on u.uid = o.user_id
        ) d";
    let kinds = Job::KINDS.map(str::to_owned).to_vec();
    let parameters = [BATCH.into(), kinds.into(), lease.as_secs_f64().into()];
    let batch: Batch = one_document(&db.change(statement, &parameters).await?)?;
    let mut claimed = Claimed { put_off: batch.put_off, ..Claimed::default() };
    for task in batch.tasks {
        match serde_json::from_str(task.get()) {
            Ok(task) => claimed.tasks.push(task),
            Err(error) => {
                let read = serde_json::from_str(task.get());
                let Unread { id } = read.map_err(|error| DbError::Failed(error.to_string()))?;
                claimed.unreadable.push((id, error.to_string()));
            }
        }
    }
    Ok(claimed)
}

/// Records what came of tasks. Those that are done are forgotten. A failed one is put off: twice as long each time, up to
/// an hour, or to five minutes where its customer can't order until it is done; give or take a quarter, so that tasks that
/// failed together don't all come back together. After `max_attempts` it becomes a dead letter, the clearing of a cart
/// after a day besides, for then its customer could order it again; but never what moves money.
pub async fn conclude(db: &Database, outcomes: Outcomes, max_attempts: i32) -> Result<(), DbError> {
    let statement = "with done as (
            delete from tasks where id = any($1::int8[])
        ), early as (
            update tasks set attempts = 0, claimed_at = null, due_at = now() + interval '10 seconds'
            where id = any($2::int8[])
        )
        update tasks t set last_error = left(f.error, 500), claimed_at = null,
            due_at = now() + (0.75 + random() / 2) * interval '1 second' * least(power(2, least(attempts, 12)),
                case when kind in ('payment.settle', 'cart.clear') then 240 else 3600 end),
            status = case when attempts >= $5 and kind not like 'payment.%'
                and (kind <> 'cart.clear' or created_at < now() - interval '1 day') then 'dead' else status end
        from unnest($3::int8[], $4::text[]) f (id, error) where t.id = f.id";
    let numbers = |ids: Vec<TaskId>| ids.into_iter().map(TaskId::get).collect::<Vec<_>>();
    let (failed, errors): (Vec<_>, Vec<_>) =
        outcomes.failed.into_iter().map(|(id, error)| (id.get(), Some(error.replace('\0', "")))).unzip();
    let parameters = [
        numbers(outcomes.done).into(),
        numbers(outcomes.early).into(),
        failed.into(),
        ParameterValue::ArrayStr(errors),
        max_attempts.into(),
    ];
    db.idempotent(statement, &parameters).await.map(drop)
}

/// How long the queue is.
pub async fn samples(db: &Database) -> Result<Samples, DbError> {
    let statement = "select row_to_json(f)::text from (
            select count(*) filter (where status = 'queued') as order_tasks_queued,
                count(*) filter (where status = 'queued' and due_at < now()) as order_tasks_overdue,
                greatest(coalesce(extract(epoch from now() - min(due_at) filter (where status = 'queued')), 0), 0)
                    as order_tasks_lag_seconds,
                count(*) filter (where status = 'dead') as order_tasks_dead
            from tasks
        ) f";
    one_document(&db.idempotent(statement, &[]).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_kind_is_claimed_and_can_be_read() {
        for kind in Job::KINDS {
            let job = json!({ "kind": kind, "payload": { "seq": 1, "status": "confirmed" } });
            assert!(serde_json::from_value::<Job>(job).is_ok(), "{kind}");
        }
        let unknown = serde_json::from_value::<Job>(json!({ "kind": "none", "payload": {} })).unwrap_err();
        let known = unknown.to_string();
        assert_eq!(known.matches('`').count(), 2 * (Job::KINDS.len() + 1), "{known}");
        assert!(Job::KINDS.iter().all(|kind| known.contains(kind)), "{known}");
    }
}
