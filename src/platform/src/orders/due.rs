//! The time of a scheduled order has come.

use crate::{
    Database, DbError,
    outbox::Task,
    parameters::{optional_text, text},
};

/// Notes that a confirmed order is due, has the customer told and ends the task, all in one statement, so
/// that it is noted once. An order that was given up, or that is being prepared already, is left alone.
/// False while the order is pending: then its time is yet to come.
pub async fn come_due(db: &Database, task: &Task) -> Result<bool, DbError> {
    let statement = "with task as (
            delete from tasks t using orders o where t.id = $1 and o.id = t.order_id and o.status <> 'pending'
            returning t.order_id
        ), changed as (
            update orders o set version = o.version + 1, updated_at = now()
            from task t where o.id = t.order_id and o.status = 'confirmed'
            returning o.id, o.version, o.status, o.scheduled_for
        ), event as (
            insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
            select id, version, 'order.due', 'order-service', 'system',
                jsonb_build_object('scheduled_for', rfc3339(scheduled_for)), $2
            from changed
        ), follow_up as (
            insert into tasks (kind, order_id, payload, request_id, traceparent)
            select 'notify.status', id, jsonb_build_object('status', status), $2, $3 from changed
        )
        select 1 from task";
    let trace = task.trace();
    let parameters =
        [task.id.get().into(), text(&trace.request_id), optional_text(trace.context().as_deref())];
    Ok(!db.change(statement, &parameters).await?.is_empty())
}
