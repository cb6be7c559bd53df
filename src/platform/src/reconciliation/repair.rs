//! Repairing what was found: each kind by one statement, which looks again whether it is still so.

use super::{
    Affected,
    inspection::{balance, is_forgotten},
};
use crate::{Database, DbError, database::optional_document};

/// Ends a statement whose `repaired` are the orders that had this kind of finding.
macro_rules! marking {
    ($kind:literal) => {
        concat!(
            ", marked as (
                update findings f set repaired_at = now() from repaired r
                where f.order_id = r.order_id and f.kind = '",
            $kind,
            "' returning f.order_id
            )
            select json_build_object('kind', '",
            $kind,
            "', 'order_ids', json_agg(order_id order by order_id))::text from marked having count(*) > 0"
        )
    };
}

/// Has the outcome of a movement of money asked for, as one that may have been asked for before.
const PAYMENT_FORGOTTEN: &str = concat!(
    "with repaired as (
        insert into tasks (kind, order_id, payload, attempts)
        select case p.kind when 'charge' then 'payment.settle' else 'payment.refund' end, p.order_id,
            jsonb_build_object('seq', p.seq), 1
        from findings f join payments p on p.order_id = f.order_id
        where f.kind = 'payment_forgotten' and f.repaired_at is null and ",
    is_forgotten!(),
    " for update of f skip locked
        returning order_id
    )",
    marking!("payment_forgotten")
);

/// Pays back what was paid for an order that is over.
const REFUND_MISSING: &str = concat!(
    "with owed as (
        select f.order_id, books.last_seq, books.balance
        from findings f join orders o on o.id = f.order_id
        cross join lateral (select max(p.seq) as last_seq, ",
    balance!(),
    " as balance from payments p where p.order_id = o.id) books
        where f.kind = 'refund_missing' and f.repaired_at is null
            and o.status in ('cancelled', 'refunded') and books.balance > 0
        for update of f skip locked
    ), repaired as (
        insert into payments (order_id, seq, kind, amount) select order_id, last_seq + 1, 'refund', balance from owed
        on conflict (order_id, seq) do nothing
        returning order_id, seq
    ), follow_up as (
        insert into tasks (kind, order_id, payload)
        select 'payment.refund', order_id, jsonb_build_object('seq', seq) from repaired
    )",
    marking!("refund_missing")
);

/// Cancels an order that nobody charges or has charged.
const NEVER_CHARGED: &str = concat!(
    "with changed as (
        update orders o set status = 'cancelled', cancelled_at = now(), version = o.version + 1, updated_at = now()
        from findings f
        where f.kind = 'never_charged' and f.repaired_at is null and o.id = f.order_id and o.status = 'pending'
            and not exists (select from payments p where p.order_id = o.id and p.status <> 'declined')
        returning o.id, o.user_id, o.version, o.status
    ), event as (
        insert into order_events (order_id, version, type, actor_id, actor_role, data)
        select id, version, 'status', 'order-service', 'system',
            jsonb_build_object('status', status, 'reason', 'never_charged')
        from changed
    ), released as (
        delete from checkouts c using changed o where c.user_id = o.user_id and c.order_id = o.id
    ), follow_up as (
        insert into tasks (kind, order_id, payload)
        select 'notify.status', id, jsonb_build_object('status', status) from changed
    ), repaired as (
        select id as order_id from changed
    )",
    marking!("never_charged")
);

/// Copies the items anew, by a function: it locks the orders before it looks at their items.
const WRONG_ITEMS: &str = concat!(
    "with repaired as (
        select copy_items_anew(array(
            select order_id from findings where kind = 'wrong_items' and repaired_at is null)) as order_id
    )",
    marking!("wrong_items")
);

/// Removes checkouts that nobody ended. They hold few rows, only those of the moment, so that no index
/// is needed to find them.
const CHECKOUT_LEFT: &str = "with removed as (
        delete from checkouts c
        where c.user_id in (
                select user_id from checkouts where expires_at < now() - interval '5 minutes' limit 500
                for update skip locked)
            and c.expires_at < now() - interval '5 minutes'
            and not exists (select from orders o where o.id = c.order_id and o.status = 'pending')
            and not exists (select from payments p where p.order_id = c.order_id and p.seq = 1 and p.status = 'pending')
            and not exists (select from tasks t where t.order_id = c.order_id and t.kind = 'cart.clear')
        returning c.order_id
    ), noted as (
        insert into findings (order_id, kind, detail, repaired_at)
        select order_id, 'checkout_left', 'its checkout was never ended', now() from removed where order_id is not null
        on conflict (order_id, kind) do update set since = now(), repaired_at = now()
        returning order_id
    )
    select json_build_object('kind', 'checkout_left', 'order_ids', json_agg(order_id order by order_id))::text
    from noted having count(*) > 0";

/// A kind of finding that can be repaired.
pub struct Repair(&'static str);

pub const REPAIRS: [Repair; 5] = [
    Repair(PAYMENT_FORGOTTEN),
    Repair(REFUND_MISSING),
    Repair(NEVER_CHARGED),
    Repair(WRONG_ITEMS),
    Repair(CHECKOUT_LEFT),
];

impl Repair {
    /// Repairs the findings of this kind, and answers which orders had it; none when there was nothing to do.
    pub async fn make(&self, db: &Database) -> Result<Option<Affected>, DbError> {
        optional_document(&db.change(self.0, &[]).await?)
    }
}
