-- What the hottest requests run, as functions: Postgres keeps a function's plans for as long as a connection lasts, while
-- a statement that comes as text is planned each time, which takes several times as long as carrying it out. The callers
-- in src/platform bear the functions' names.
--
-- A later migration that changes what one takes makes a new function and leaves this one to the release that is running.

-- An order as a document, as orders::find says.
create function find_order(wanted integer) returns setof text language plpgsql stable as $$
begin
    return query select row_to_json(d)::text from (
        select o.*, (
            select coalesce(json_agg(row_to_json(i) order by i.id), '[]') from order_items i where i.order_id = o.id
        ) as items
        from orders o where o.id = wanted
    ) d;
end $$;

-- Orders are given a status, a refund of what was paid for one that is over included, as orders::set_status says.
create function set_order_status(
    ids integer[], versions integer[], new_status text, details text, actor text, role text, request text, parent text
) returns setof text language plpgsql as $$
begin
    return query with changed as (
        update orders o set status = new_status, version = o.version + 1, updated_at = now(),
            delivered_at = case when new_status = 'delivered' then coalesce(o.delivered_at, now()) else o.delivered_at end,
            cancelled_at = case when new_status = 'cancelled' then now() else o.cancelled_at end
        from unnest(ids, versions) as seen (id, version)
        where o.id = seen.id and o.version = seen.version
        returning o.*
    ), event as (
        insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
        select id, version, 'status', actor, role, details::jsonb || jsonb_build_object('status', status), request
        from changed
    ), refund as (
        insert into payments (order_id, seq, kind, amount)
        select o.id, paid.last_seq + 1, 'refund', paid.balance
        from changed o, lateral (
            select max(seq) as last_seq, coalesce(
                sum(amount) filter (where kind = 'charge' and status = 'succeeded')
                - coalesce(sum(amount) filter (where kind = 'refund' and status <> 'declined'), 0), 0) as balance
            from payments p where p.order_id = o.id
        ) paid
        where o.status in ('cancelled', 'refunded') and paid.balance > 0
        returning order_id, seq
    ), released as (
        delete from checkouts c using changed o where c.order_id = o.id and o.status in ('cancelled', 'refunded')
    ), follow_up as (
        insert into tasks (kind, order_id, payload, request_id, traceparent)
        select 'notify.status', id, jsonb_build_object('status', status), request, parent from changed
        union all
        select 'payment.refund', order_id, jsonb_build_object('seq', seq), request, parent from refund
    )
    select json_build_object('order', d::json, 'refund_initiated',
        exists (select from refund r where r.order_id = (d::json->>'id')::int4))::text
    from (
        select row_to_json(d)::text from (
            select o.*, (
                select coalesce(json_agg(row_to_json(i) order by i.id), '[]') from order_items i where i.order_id = o.id
            ) as items
            from changed o
        ) d
    ) as document (d);
end $$;

-- Of arrays whose length it doesn't know Postgres expects many rows, and would rather plan each time.
alter function set_order_status set plan_cache_mode = force_generic_plan;

-- An order is stored under its number, with all that must follow, as orders::place says.
create function place_order(
    number integer, customer text, total numeric, fee numeric, address text, latitude text, longitude text,
    arrival timestamp, scheduled timestamp, products integer[], quantities integer[], prices numeric[], names text[],
    role text, request text, parent text, due timestamp
) returns setof text language plpgsql as $$
begin
    return query with placed as (
        insert into orders (id, user_id, total_amount, delivery_fee, delivery_address, delivery_latitude,
            delivery_longitude, estimated_delivery_time, scheduled_for)
        values (number, customer, total, fee, address, latitude, longitude, arrival at time zone 'utc',
            scheduled at time zone 'utc')
        returning *
    ), lines as (
        insert into order_items (order_id, product_id, quantity, price, product_name)
        select number, l.* from unnest(products, quantities, prices, names) l
        returning *
    ), event as (
        insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
        select id, 1, 'placed', customer, role, jsonb_build_object('status', status, 'total_amount', total_amount), request
        from placed
    ), charge as (
        insert into payments (order_id, seq, kind, amount) select id, 1, 'charge', total_amount from placed
        returning order_id, seq, customer as user_id, amount, idempotency_key
    ), settle as (
        insert into tasks (kind, order_id, payload, due_at, request_id, traceparent)
        select 'payment.settle', order_id, jsonb_build_object('seq', seq), now() + interval '15 seconds', request, parent
        from charge
    ), coming as (
        insert into tasks (kind, order_id, due_at, request_id, traceparent)
        select 'order.due', id, due at time zone 'utc', request, parent from placed where due is not null
    )
    select json_build_object('charge', (select row_to_json(c) from charge c), 'order', d::json)::text from (
        select row_to_json(d)::text from (
            select o.*, (
                select coalesce(json_agg(row_to_json(i) order by i.id), '[]') from lines i where i.order_id = o.id
            ) as items
            from placed o
        ) d
    ) as document (d);
end $$;

-- A charge was taken, as ledger::approve says.
create function approve_charge(
    charged_order integer, charge_seq integer, payment_reference text, request text, parent text, clear_cart_after integer
) returns setof text language plpgsql as $$
begin
    return query with charge as (
        update payments set status = 'succeeded', settled_at = now(), reference = payment_reference
        where order_id = charged_order and seq = charge_seq and status = 'pending'
        returning order_id, seq, amount
    ), before as (
        select o.id, o.status = 'pending' as is_pending from orders o join charge c on c.order_id = o.id
        where o.status not in ('cancelled', 'refunded') and c.seq = 1 for update of o
    ), changed as (
        update orders o set version = version + 1, updated_at = now(),
            status = case when b.is_pending then 'confirmed' else o.status end
        from before b where o.id = b.id
        returning o.*
    ), event as (
        insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
        select o.id, o.version, case when b.is_pending then 'status' else 'payment' end, 'order-service', 'system',
            jsonb_build_object('status', o.status, 'paid', c.amount), request
        from changed o, before b, charge c
    ), refund as (
        insert into payments (order_id, seq, kind, amount)
        select c.order_id, (select max(p.seq) + 1 from payments p where p.order_id = c.order_id), 'refund', c.amount
        from charge c where not exists (select from changed)
        returning order_id, seq
    ), settled as (
        delete from tasks t using charge c where t.order_id = c.order_id
            and t.kind = 'payment.settle' and t.payload @> jsonb_build_object('seq', c.seq)
    ), follow_up as (
        insert into tasks (kind, order_id, payload, due_at, request_id, traceparent)
        select kind, order_id, payload, now() + wait, request, parent from (
            select 'notify.confirmation' as kind, o.id as order_id, '{}'::jsonb as payload, interval '0' as wait
            from changed o join users u on u.uid = o.user_id where u.email is not null
            union all
            select 'notify.status', o.id, jsonb_build_object('status', o.status), interval '0'
            from changed o, before b where b.is_pending
            union all
            select 'cart.clear', o.id, '{}', clear_cart_after * interval '1 second'
            from changed o join checkouts c on c.order_id = o.id
            union all
            select 'payment.refund', order_id, jsonb_build_object('seq', seq), interval '0' from refund
        ) task
    )
    select row_to_json(d)::text from (
        select o.*, (
            select coalesce(json_agg(row_to_json(i) order by i.id), '[]') from order_items i where i.order_id = o.id
        ) as items
        from changed o
    ) d;
end $$;

-- Whoever is checking out has a row for a moment, so this takes none.
create index idx_checkouts_order_id on checkouts (order_id);

-- What an export of one status or one courier reads, chunk by chunk.
create index idx_order_status_id on orders (status, id);
create index idx_order_partner_id on orders (delivery_partner_id, id);

-- Finds the checkouts that nobody ended.
create index idx_checkouts_expires_at on checkouts (expires_at);

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 9';
