-- What the shop owes somebody doesn't wait behind messages, and two races of money and personal data are closed.

-- Whatever isn't a message: money, carts to be emptied, scheduled orders.
drop index idx_tasks_money_due;
create index idx_tasks_errands_due on tasks (due_at) where status = 'queued' and kind not like 'notify.%';

-- As in 0018, but of an order that was confirmed by hand and became cheaper before its payment was approved after all, the
-- customer gets back what was taken too much.
create or replace function settle_charge(
    charged_order integer, charge_seq integer, payment_reference text, request text, parent text, cart_is_cleared boolean
) returns setof text language plpgsql as $$
declare
    charge payments;
    changed orders;
    was_pending boolean;
    surplus numeric;
    refund_seq integer;
begin
    update payments p set status = 'succeeded', settled_at = now(), reference = payment_reference
    where p.order_id = charged_order and p.seq = charge_seq and p.status in ('pending', 'declined')
    returning * into charge;
    if not found then
        return;
    end if;
    delete from tasks t where t.order_id = charged_order and t.kind = 'payment.settle'
        and t.payload @> jsonb_build_object('seq', charge_seq);

    update orders o set status = 'confirmed', version = o.version + 1, updated_at = now()
    where o.id = charged_order and o.status = 'pending' and charge_seq = 1
    returning * into changed;
    was_pending := found;
    if not was_pending then
        update orders o set version = o.version + 1, updated_at = now()
        where o.id = charged_order and o.status not in ('cancelled', 'refunded') and charge_seq = 1
        returning * into changed;
        surplus := charge.amount - coalesce(changed.total_amount, 0);
        if surplus > 0 then
            insert into payments (order_id, seq, kind, amount)
            select charged_order, max(p.seq) + 1, 'refund', surplus from payments p where p.order_id = charged_order
            returning seq into refund_seq;
            insert into tasks (kind, order_id, payload, request_id, traceparent)
            values ('payment.refund', charged_order, jsonb_build_object('seq', refund_seq), request, parent);
        end if;
        if changed.id is null then
            return;
        end if;
    end if;

    insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
    values (charged_order, changed.version, case when was_pending then 'status' else 'payment' end, 'order-service',
        'system', jsonb_build_object('status', changed.status, 'paid', charge.amount), request);
    insert into tasks (kind, order_id, payload, request_id, traceparent)
    select 'notify.confirmation', charged_order, '{}'::jsonb, request, parent
    from users u where u.uid = changed.user_id and u.email is not null
    union all
    select 'notify.status', charged_order, jsonb_build_object('status', changed.status), request, parent where was_pending;
    if cart_is_cleared then
        delete from checkouts c where c.user_id = changed.user_id and c.order_id = charged_order;
    else
        insert into tasks (kind, order_id, request_id, traceparent)
        select 'cart.clear', charged_order, request, parent
        from checkouts c where c.user_id = changed.user_id and c.order_id = charged_order;
    end if;
    return next order_document(charged_order);
end $$;

-- As in 0020, but what is erased is locked first: an order whose return is asked for meanwhile keeps the address to fetch it
-- from.
create or replace function erase_personal_data(person varchar, admin varchar, request varchar) returns integer[]
language plpgsql set orders.erasing = 'on' as $$
declare
    finished integer[];
begin
    select coalesce(array_agg(id), '{}') into finished from (
        select id from orders where user_id = person and status in ('delivered', 'cancelled', 'refunded')
        order by id for no key update
    ) o;

    with changed as (
        update orders set delivery_address = 'erased', delivery_latitude = null, delivery_longitude = null,
            version = version + 1, updated_at = now()
        where id = any(finished) and (delivery_address <> 'erased' or delivery_latitude is not null)
        returning id, version
    )
    insert into order_events (order_id, version, type, actor_id, actor_role, request_id)
    select id, version, 'erased', admin, 'admin', request from changed;

    update order_events set data = '{}'
    where type = 'location' and (order_id = any(finished) or actor_id = person) and data <> '{}';
    update order_events set data = data - 'reason' where order_id = any(finished) and actor_id = person and data ? 'reason';
    update order_feedback set comment = null where order_id = any(finished) and comment is not null;
    update users set email = null where uid = person and email is not null;
    delete from order_templates where user_id = person;
    delete from idempotency_keys where user_id = person;
    return finished;
end $$;

-- Replacing a function takes its settings away; see the end of 0013.
alter function settle_charge set enable_seqscan = off;
alter function settle_charge set plan_cache_mode = force_generic_plan;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 21';
