//! Changing what an order consists of: the difference is charged first, or paid back afterwards.

use domain::{Money, Order, PricedLine, ProductId, Quantity};
use serde::Serialize;
use spin_sdk::pg::ParameterValue;

use super::documents_of;
use crate::{
    Author, Database, DbError, Trace,
    database::optional_document,
    ledger::{Movement, ending_settlement, numbering},
    parameters::{amount, columns, optional_text, text},
    to_json,
};

/// New items for an order.
pub struct Revision<'a> {
    pub lines: &'a [PricedLine],
    /// Lines and the fee that was agreed on together.
    pub total: Money,
}

/// What the history keeps of new items.
#[derive(Serialize)]
struct Revised {
    total_amount: Money,
    items: Vec<RevisedLine>,
}

#[derive(Serialize)]
struct RevisedLine {
    product_id: ProductId,
    quantity: Quantity,
    price: Money,
}

/// Enters the charge of a higher total in the ledger, with the task that settles it: by paying it back,
/// for items that were not changed by then never will be. None when the order's version has moved on,
/// while another charge of it is under way, or when nobody paid what the difference would come on top of.
pub async fn enter_difference(
    db: &Database,
    order: &Order,
    difference: Money,
    trace: &Trace,
) -> Result<Option<Movement>, DbError> {
    const STATEMENT: &str = "with o as (
            select id, user_id from orders
            where id = $1 and version = $2 and status in ('pending', 'confirmed') for update
        ), charge as (
            insert into payments (order_id, seq, kind, amount)
            select o.id, (select coalesce(max(seq), 0) + 1 from payments p where p.order_id = o.id), 'charge', $3
            from o
            where coalesce((
                select not bool_or(p.status = 'pending') and not bool_and(p.status = 'declined')
                from payments p where p.order_id = o.id and p.kind = 'charge'), true)
            on conflict (order_id, seq) do nothing
            returning order_id, seq, amount, idempotency_key
        ), settle as (
            insert into tasks (kind, order_id, payload, due_at, request_id, traceparent)
            select 'payment.settle', order_id, jsonb_build_object('seq', seq), now() + interval '15 seconds', $4, $5
            from charge
        )
        select row_to_json(e)::text from (select c.*, o.user_id from charge c, o) e";
    let parameters = [
        order.id.get().into(),
        order.version.into(),
        amount(difference),
        text(&trace.request_id),
        optional_text(trace.context().as_deref()),
    ];
    optional_document(&db.change(STATEMENT, &parameters).await?)
}

const REVISE: &str = concat!(
    "with charge as (
        update payments set status = 'succeeded', settled_at = now(), reference = $5
        where order_id = $1 and seq = $4::int4 and status = 'pending'
        returning order_id, seq, amount
    ), lines as (
        select nextval('order_items_id_seq')::int4 as id, product_id, quantity, price::numeric(10, 2), product_name
        from unnest($6::int4[], $7::int4[], $8::numeric[], $9::text[]) l (product_id, quantity, price, product_name)
    ), changed as (
        update orders o set total_amount = $3, version = o.version + 1, updated_at = now(),
            item_list = (
                select json_agg(json_build_array(id, product_id, quantity, price, product_name) order by id) from lines
            )
        where o.id = $1 and o.version = $2 and o.status in ('pending', 'confirmed')
            and ($4::int4 is null or exists (select from charge))
            and not exists (
                select from payments p where p.order_id = o.id and p.kind = 'charge'
                    and p.status = 'pending' and p.seq is distinct from $4)
        returning o.*
    ), removed as (
        delete from order_items i using changed o where i.order_id = o.id
    ), added as (
        insert into order_items (id, order_id, product_id, quantity, price, product_name)
        select l.id, o.id, l.product_id, l.quantity, l.price, l.product_name from changed o, lines l
    ), event as (
        insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
        select id, version, 'items', $11, $12, $10::text::jsonb, $13 from changed
    ), refund as (
        insert into payments (order_id, seq, kind, amount)
        select $1, b.last_seq + 1, 'refund', b.surplus from (
            select max(seq) as last_seq, coalesce((select amount from charge), 0) + case
                when exists (select from changed) then
                    coalesce(sum(amount) filter (where kind = 'charge' and status = 'succeeded'), 0)
                    - coalesce(sum(amount) filter (where kind = 'refund' and status <> 'declined'), 0) - $3
                else 0 end as surplus
            from payments where order_id = $1
        ) b where b.surplus > 0
        returning order_id, seq
    ), settled as (",
    ending_settlement!(),
    "), follow_up as (
        insert into tasks (kind, order_id, payload, request_id, traceparent)
        select 'payment.refund', order_id, jsonb_build_object('seq', seq), $13, $14 from refund
    )
    ",
    documents_of!("changed")
);

/// Replaces an order's items, settles the charge that was taken for them, and enters what is paid too
/// much as a refund. None when the order's version has moved on, or while another charge of it is under way: such a
/// charge is refunded whole.
pub async fn revise(
    db: &Database,
    order: &Order,
    revision: &Revision<'_>,
    charge: Option<(&Movement, Option<&str>)>,
    author: Author<'_>,
) -> Result<Option<Order>, DbError> {
    let [products, quantities, prices, names] = columns(revision.lines);
    let items = revision.lines.iter().map(|line| RevisedLine {
        product_id: line.product_id,
        quantity: line.quantity,
        price: line.price,
    });
    let data = Revised { total_amount: revision.total, items: items.collect() };
    let [actor, role, request, context] = author.parameters();
    let parameters = [
        order.id.get().into(),
        order.version.into(),
        amount(revision.total),
        charge.map_or(ParameterValue::DbNull, |(entry, _)| entry.seq.into()),
        optional_text(charge.and_then(|(_, reference)| reference)),
        products,
        quantities,
        prices,
        names,
        text(&to_json(&data)),
        actor,
        role,
        request,
        context,
    ];
    optional_document(&numbering(async || db.change(REVISE, &parameters).await).await?)
}
