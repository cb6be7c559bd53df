-- The rest of what placing an order runs, and the lists asked for most, as functions whose plans are kept; see 0009.

-- An order as a document, as orders::find says: one value costs less than a set of rows.
create function order_document(wanted integer) returns text language plpgsql stable as $$
begin
    return (select row_to_json(d)::text from (
        select o.*, (
            select coalesce(json_agg(row_to_json(i) order by i.id), '[]') from order_items i where i.order_id = o.id
        ) as items
        from orders o where o.id = wanted
    ) d);
end $$;

-- A customer's checkout is claimed, as checkout::claim says. Should Postgres crash in this moment, the order can't be
-- placed any more, so nobody has to wait for the disk.
create function claim_checkout(customer text, email_of_token text, new_token text) returns setof boolean
language plpgsql as $$
begin
    perform set_config('synchronous_commit', 'off', true);
    insert into users (uid, email) values (customer, email_of_token)
    on conflict (uid) do update set email = excluded.email
        where excluded.email is not null and users.email is distinct from excluded.email;
    return query insert into checkouts as c (user_id, token, expires_at)
        values (customer, new_token, now() + interval '60 seconds')
        on conflict (user_id) do update
            set token = excluded.token, order_id = null, expires_at = excluded.expires_at
            where c.token = excluded.token
               or c.expires_at < now()
                  and not exists (select from orders o where o.id = c.order_id and o.status = 'pending')
        returning true;
end $$;

-- A cart becomes an order while the checkout is still its customer's, as orders::place says.
create function place_cart(
    customer text, checkout_token text, total numeric, fee numeric, address text, latitude text, longitude text,
    arrival timestamp, scheduled timestamp, products integer[], quantities integer[], prices numeric[], names text[],
    role text, request text, parent text, due timestamp
) returns setof text language plpgsql as $$
begin
    return query with numbered as (
        update checkouts set order_id = nextval('orders_id_seq'), expires_at = now() + interval '60 seconds'
        where user_id = customer and token = checkout_token and order_id is null
        returning order_id
    )
    select place_order(order_id, customer, total, fee, address, latitude, longitude, arrival, scheduled, products,
        quantities, prices, names, role, request, parent, due)
    from numbered;
end $$;

-- A charge was taken, as ledger::approve says: as approve_charge of 0009, but a cart that is cleared already leaves no
-- task, and its checkout ends here.
create function settle_charge(
    charged_order integer, charge_seq integer, payment_reference text, request text, parent text, cart_is_cleared boolean
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
    ), released as (
        delete from checkouts c using changed o where c.order_id = o.id and cart_is_cleared
    ), follow_up as (
        insert into tasks (kind, order_id, payload, request_id, traceparent)
        select kind, order_id, payload, request, parent from (
            select 'notify.confirmation' as kind, o.id as order_id, '{}'::jsonb as payload
            from changed o join users u on u.uid = o.user_id where u.email is not null
            union all
            select 'notify.status', o.id, jsonb_build_object('status', o.status)
            from changed o, before b where b.is_pending
            union all
            select 'cart.clear', o.id, '{}' from changed o join checkouts c on c.order_id = o.id where not cart_is_cleared
            union all
            select 'payment.refund', order_id, jsonb_build_object('seq', seq) from refund
        ) task
    )
    select row_to_json(d)::text from (
        select o.*, (
            select coalesce(json_agg(row_to_json(i) order by i.id), '[]') from order_items i where i.order_id = o.id
        ) as items
        from changed o
    ) d;
end $$;

-- A cart has been cleared, as checkout::finish says.
create function finish_checkout(finished integer) returns void language plpgsql as $$
begin
    delete from tasks where order_id = finished and kind = 'cart.clear';
    delete from checkouts where order_id = finished;
end $$;

-- The lists asked for most, as orders::list says: a customer's orders, and those of one status. Of a limit that it
-- doesn't know Postgres expects many rows, so the longest page, and one more, stands in the statement.
create function customer_orders(customer text, before timestamp, before_id bigint, wanted bigint)
returns setof text language plpgsql stable as $$
begin
    return query select coalesce(json_agg(row_to_json(d)), '[]')::text from (
        select o.*, (
            select coalesce(json_agg(row_to_json(i) order by i.id), '[]') from order_items i where i.order_id = o.id
        ) as items
        from (
            select * from orders where user_id = customer and (created_at, id)
                < (coalesce(before at time zone 'utc', 'infinity'), coalesce(before_id, 0))
            order by created_at desc, id desc limit 51
        ) o
        limit wanted
    ) d;
end $$;

create function status_orders(wanted_status text, before timestamp, before_id bigint, wanted bigint)
returns setof text language plpgsql stable as $$
begin
    return query select coalesce(json_agg(row_to_json(d)), '[]')::text from (
        select o.*, (
            select coalesce(json_agg(row_to_json(i) order by i.id), '[]') from order_items i where i.order_id = o.id
        ) as items
        from (
            select * from orders where status = wanted_status and (created_at, id)
                < (coalesce(before at time zone 'utc', 'infinity'), coalesce(before_id, 0))
            order by created_at desc, id desc limit 51
        ) o
        limit wanted
    ) d;
end $$;

-- Plans are kept for as long as a connection lasts. One made while tasks or payments were few would read them from end to
-- end, ever more slowly as they grow: these functions look up single rows, by indexes always. And what is expected of
-- unknown arguments suits known ones; Postgres would otherwise plan some each time.
do $$
declare
    name text;
begin
    foreach name in array array['find_order', 'set_order_status', 'place_order', 'approve_charge', 'order_document',
        'claim_checkout', 'place_cart', 'settle_charge', 'finish_checkout', 'customer_orders', 'status_orders']
    loop
        execute format('alter function %I set enable_seqscan = off', name);
        execute format('alter function %I set plan_cache_mode = force_generic_plan', name);
    end loop;
end $$;

-- Not knowing the status, Postgres would rather go through the newest orders of all, which is slow for rare ones.
alter function status_orders set enable_incremental_sort = off;

-- Each change of a status writes to all of the table's indexes, so there are no more than pay: the newest of all orders
-- come by idx_order_created_at, an export of one status or courier by orders_pkey, or sorted where there are few.
drop index idx_order_newest, idx_order_status_id, idx_order_partner_id, idx_order_partner_created_at;

-- Most orders get their courier late, if at all.
create index idx_order_partner_created_at on orders (delivery_partner_id, created_at desc, id desc)
    where delivery_partner_id is not null;

-- A queue is small, and each of its rows lives for a moment: what they leave behind is cleared away soon.
alter table tasks set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
alter table checkouts set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 13';
