//! Looking for what is wrong: with the orders that have changed, those that wait too long for
//! something, and, bit by bit, all the others.

use super::Affected;
use crate::{Database, DbError, database::documents};

/// Whether a movement of money `p` waits for its outcome, and no task asks for it.
macro_rules! is_forgotten {
    () => {
        "p.status = 'pending' and p.created_at < now() - interval '2 minutes' and not exists (
            select from tasks t where t.order_id = p.order_id and t.payload @> jsonb_build_object('seq', p.seq)
                and t.kind = case p.kind when 'charge' then 'payment.settle' else 'payment.refund' end)"
    };
}

/// What the customer has paid for an order and not got back, of its movements of money `p`.
macro_rules! balance {
    () => {
        "coalesce(sum(p.amount) filter (where p.kind = 'charge' and p.status = 'succeeded'), 0)
            - coalesce(sum(p.amount) filter (where p.kind = 'refund' and p.status <> 'declined'), 0)"
    };
}
pub(super) use {balance, is_forgotten};

/// The orders to look at, each part of them bounded and read from an index. Events are left alone for a
/// minute: one that was written earlier may become visible later. Where a courier is changes nothing in the books.
const CANDIDATES: &str = "seen as (
        select order_id, created_at from order_events
        where created_at > (select checked_until from reconciliation) and created_at <= now() - interval '1 minute'
            and type <> 'location'
        order by created_at fetch first 2000 rows with ties
    ), walked as (
        select id from orders where id > (select walked_to from reconciliation) order by id limit 500
    ), candidate as (
        select order_id as id from findings where repaired_at is null
        union select order_id from seen
        union select id from walked
        union (select id from orders where status = 'pending' and created_at < now() - interval '10 minutes'
            order by created_at limit 500)
        union (select order_id from payments where status = 'pending' and created_at < now() - interval '2 minutes'
            order by created_at limit 500)
        union (select order_id from tasks where status = 'dead' order by id limit 500)
        union (select order_id from tasks where attempts >= 10 order by attempts desc limit 500)
        union (select order_id from tasks where status = 'queued' and due_at < now() - interval '5 minutes'
            order by due_at limit 500)
    )";

/// What there is to know of each. The limit makes sure that the orders are looked up one by one:
/// Postgres, expecting more of them than there are, might read the whole table instead.
const ACCOUNTS: &str = concat!(
    "account as (
        select o.*, books.*, goods.*, history.*, work.*,
            o.status not in ('pending', 'cancelled', 'refunded') as is_live,
            o.status = 'pending' and o.created_at < now() - interval '10 minutes' as is_stuck
        from candidate c
        cross join lateral (select * from orders where id = c.id limit 1) o
        cross join lateral (
            select coalesce(bool_or(p.kind = 'charge' and p.status = 'pending'), false) as is_charging,
                coalesce(bool_or(p.kind = 'charge' and p.status = 'succeeded'), false) as is_charged,
                coalesce(bool_or(",
    is_forgotten!(),
    "), false) as is_forgotten, ",
    balance!(),
    " as balance
            from payments p where p.order_id = o.id
        ) books
        cross join lateral (
            select coalesce(sum(price * quantity), 0) as subtotal, items_of(o.id)::text as items
            from order_items where order_id = o.id
        ) goods
        cross join lateral (
            select count(*) as events, max(version) as newest from order_events where order_id = o.id
        ) history
        cross join lateral (
            select string_agg(name || coalesce(': ' || last_error, ''), '; ')
                    filter (where status = 'dead') as given_up,
                string_agg(name || coalesce(': ' || last_error, ''), '; ')
                    filter (where attempts >= greatest(10, $1) and kind like 'payment.%') as failing,
                string_agg(name || ' since ' || rfc3339(due_at), '; ')
                    filter (where status = 'queued' and due_at < now() - interval '5 minutes') as overdue
            from (select *, format('task %s (%s)', id, kind) as name from tasks where order_id = o.id) t
        ) work
    )"
);

/// What must not be. A live order has been paid exactly, one that is over not at all; while a charge is
/// under way nothing is said of its money.
const FINDINGS: &str = "finding as (
        select a.id as order_id, f.kind, left(f.detail, 500) as detail
        from account a cross join lateral (values
            ('stuck_pending', is_stuck and (is_charging or is_charged), case when is_charging
                then 'the outcome of its payment is still unknown' else 'it was paid, but never confirmed' end),
            ('never_charged', is_stuck and not is_charging and not is_charged, 'no charge of it is under way'),
            ('payment_forgotten', is_forgotten, 'no task asks for the outcome of a movement of its money'),
            ('refund_missing', status in ('cancelled', 'refunded') and balance > 0,
                format('%s was not paid back', balance)),
            ('unpaid', is_live and not is_charging and not is_charged and total_amount > 0,
                format('%s was never paid', total_amount)),
            ('wrong_balance', case when is_live then is_charged and not is_charging and balance <> total_amount
                else balance < 0 end,
                format('%s is paid instead of %s', balance, case when is_live then total_amount else 0 end)),
            ('wrong_total', total_amount <> subtotal + delivery_fee,
                format('items and fee come to %s, the total is %s', subtotal + delivery_fee, total_amount)),
            ('wrong_items', item_list::text <> items, 'its copy of its items isn''t one'),
            ('history_gap', events <> version or newest is distinct from version,
                format('version %s has %s events', version, events)),
            ('task_given_up', given_up is not null, given_up),
            ('task_failing', failing is not null, failing),
            ('task_overdue', overdue is not null, overdue)
        ) f (kind, holds, detail)
        where f.holds
    )";

/// Looks at a bounded number of orders, notes what is wrong and forgets what isn't any more. Answers what
/// is new. No more than 500 findings of a kind are kept: whoever has as many needs no further of it, but of the others.
///
/// A movement of money counts as failing after so many attempts of its task.
pub async fn inspect(db: &Database, max_attempts: i32) -> Result<Vec<Affected>, DbError> {
    let statement = format!(
        "with {CANDIDATES}, {ACCOUNTS}, {FINDINGS}, progress as (
            update reconciliation set
                checked_until = case when (select count(*) from seen) >= 2000 then (select max(created_at) from seen)
                    else greatest(checked_until, now() - interval '1 minute') end,
                walked_to = coalesce((select max(id) from walked), 0)
        ), gone as (
            delete from findings f using candidate c where f.order_id = c.id and f.repaired_at is null
                and not exists (select from finding n where n.order_id = f.order_id and n.kind = f.kind)
        ), retold as (
            update findings f set detail = n.detail from finding n
            where f.order_id = n.order_id and f.kind = n.kind and f.repaired_at is null and f.detail <> n.detail
        ), fresh as (
            select order_id, kind, detail from (
                select n.*, row_number() over (partition by n.kind order by n.order_id)
                    + (select count(*) from findings f where f.kind = n.kind and f.repaired_at is null) as place
                from finding n
                where not exists (
                    select from findings f where f.order_id = n.order_id and f.kind = n.kind and f.repaired_at is null)
            ) n
            where place <= 500
        ), noted as (
            insert into findings (order_id, kind, detail) select order_id, kind, detail from fresh
            on conflict (order_id, kind) do update set detail = excluded.detail, since = now(), repaired_at = null
        )
        select json_build_object('kind', kind, 'order_ids', json_agg(order_id order by order_id))::text
        from fresh group by kind"
    );
    documents(&db.change(&statement, &[max_attempts.into()]).await?)
}

/// Whether there were more changes than one inspection looks at.
pub async fn is_behind(db: &Database) -> Result<bool, DbError> {
    let statement =
        "select checked_until from reconciliation where checked_until < now() - interval '2 minutes'";
    Ok(!db.idempotent(statement, &[]).await?.is_empty())
}
