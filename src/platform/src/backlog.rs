//! The outbox as an operator sees it: what waits, what failed, what was given up.

use chrono::{DateTime, Utc};
use domain::{Cursor, Listing, OrderId, Page, TaskId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Database, DbError,
    conditions::Conditions,
    database::{documents, optional_document},
    parameters::text,
};

/// A task that isn't done.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct OpenTask {
    pub id: TaskId,
    pub kind: String,
    pub order_id: OrderId,
    pub status: TaskStatus,
    pub attempts: i32,
    pub due_at: DateTime<Utc>,
    pub last_error: Option<String>,
    /// The request that caused it.
    pub request_id: Option<String>,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// It waits for its time, or a worker has it.
    Queued,
    /// It was given up.
    Dead,
}

impl TaskStatus {
    pub const ALL: [Self; 2] = [Self::Queued, Self::Dead];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Dead => "dead",
        }
    }

    /// The status of that name; none for a name that isn't one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Which tasks are asked for; a field that is `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct TaskFilter {
    pub status: Option<TaskStatus>,
    pub kind: Option<String>,
    pub order_id: Option<OrderId>,
}

impl From<&OpenTask> for Cursor {
    fn from(task: &OpenTask) -> Self {
        Self { created_at: task.created_at, id: task.id.get() }
    }
}

/// A page of the tasks that the filter lets through.
pub async fn list(db: &Database, filter: &TaskFilter, page: &Page) -> Result<Listing<OpenTask>, DbError> {
    let mut conditions = Conditions::default();
    if let Some(status) = filter.status {
        conditions.add("status = {}", text(status.as_str()));
    }
    if let Some(kind) = &filter.kind {
        conditions.add("kind = {}", text(kind));
    }
    if let Some(order) = filter.order_id {
        conditions.add("order_id = {}", order.get().into());
    }
    let window = conditions.page_by_id(page);
    let statement = format!("select row_to_json(t)::text from (select * from tasks {window}) t");
    Ok(page.cut(documents(&db.idempotent(&statement, &conditions.parameters).await?)?))
}

/// What came of making a task due.
#[derive(Debug)]
pub enum Retry {
    Due(OpenTask),
    /// A worker has it at the moment.
    InHand,
    /// It is a scheduled order's, whose time hasn't come.
    ToCome,
}

#[derive(Deserialize)]
struct Retried {
    is_to_come: bool,
    task: Option<OpenTask>,
}

/// Makes a task due at once, as if it had never been tried, except that a payment stays marked as asked for, since it
/// may have been taken. None when there is no such task.
pub async fn retry(db: &Database, id: TaskId) -> Result<Option<Retry>, DbError> {
    let statement = "with found as (
            select id, due_at > now() and claimed_at is not null as is_in_hand,
                due_at > now() and kind = 'order.due' and attempts = 0 as is_to_come
            from tasks where id = $1 for update
        ), retried as (
            update tasks t set status = 'queued', due_at = now(), claimed_at = null,
                attempts = case t.kind when 'payment.settle' then least(t.attempts, 1) else 0 end
            from found f where t.id = f.id and not f.is_in_hand and not f.is_to_come
            returning t.*
        )
        select json_build_object('is_to_come', is_to_come, 'task', (select row_to_json(r) from retried r))::text
        from found";
    let found: Option<Retried> = optional_document(&db.idempotent(statement, &[id.get().into()]).await?)?;
    Ok(found.map(|retried| match retried {
        Retried { task: Some(task), .. } => Retry::Due(task),
        Retried { is_to_come: true, .. } => Retry::ToCome,
        Retried { .. } => Retry::InHand,
    }))
}
