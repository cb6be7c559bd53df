-- Orders are read and placed with the copies of 0022, which all of them have by now.

-- An order as a document has it. The release before reads an item's list as well as the object it had instead.
create view order_documents as
select id, user_id, delivery_partner_id, total_amount, delivery_fee, status, delivery_address, delivery_latitude,
    delivery_longitude, estimated_delivery_time, delivered_at, cancelled_at, scheduled_for, created_at, updated_at, version,
    item_list as items
from orders;

-- As in 0013.
create or replace function order_document(wanted integer) returns text language plpgsql stable as $$
begin
    return (select row_to_json(d)::text from order_documents d where id = wanted);
end $$;

create or replace function customer_orders(customer text, before timestamp, before_id bigint, wanted bigint)
returns setof text language plpgsql stable as $$
begin
    return query select coalesce(json_agg(row_to_json(d)), '[]')::text from (
        select * from (
            select * from order_documents where user_id = customer and (created_at, id)
                < (coalesce(before at time zone 'utc', 'infinity'), coalesce(before_id, 0))
            order by created_at desc, id desc limit 51
        ) o
        limit wanted
    ) d;
end $$;

create or replace function status_orders(wanted_status text, before timestamp, before_id bigint, wanted bigint)
returns setof text language plpgsql stable as $$
begin
    return query select coalesce(json_agg(row_to_json(d)), '[]')::text from (
        select * from (
            select * from order_documents where status = wanted_status and (created_at, id)
                < (coalesce(before at time zone 'utc', 'infinity'), coalesce(before_id, 0))
            order by created_at desc, id desc limit 51
        ) o
        limit wanted
    ) d;
end $$;

-- As in 0014.
create or replace function place_order(
    number integer, customer text, total numeric, fee numeric, address text, latitude text, longitude text,
    arrival timestamp, scheduled timestamp, products integer[], quantities integer[], prices numeric[], names text[],
    role text, request text, parent text, due timestamp
) returns setof text language plpgsql as $$
declare
    ids integer[] := array(select nextval('order_items_id_seq') from unnest(products));
    placed orders;
    charge payments;
begin
    -- With the copy of its items at once, which the trigger would write after them otherwise.
    insert into orders (id, user_id, total_amount, delivery_fee, delivery_address, delivery_latitude,
        delivery_longitude, estimated_delivery_time, scheduled_for, item_list)
    select number, customer, total, fee, address, latitude, longitude, arrival at time zone 'utc',
        scheduled at time zone 'utc',
        json_agg(json_build_array(l.id, l.product, l.quantity, l.price::numeric(10, 2), l.name) order by l.id)
    from unnest(ids, products, quantities, prices, names) l (id, product, quantity, price, name)
    returning * into placed;
    insert into order_items (id, order_id, product_id, quantity, price, product_name)
    select l.id, number, l.product, l.quantity, l.price, l.name
    from unnest(ids, products, quantities, prices, names) l (id, product, quantity, price, name);
    insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
    values (number, 1, 'placed', customer, role,
        jsonb_build_object('status', placed.status, 'total_amount', placed.total_amount), request);
    insert into payments (order_id, seq, kind, amount) values (number, 1, 'charge', placed.total_amount)
    returning * into charge;
    insert into tasks (kind, order_id, payload, due_at, request_id, traceparent)
    values ('payment.settle', number, jsonb_build_object('seq', 1), now() + interval '15 seconds', request, parent);
    if due is not null then
        insert into tasks (kind, order_id, due_at, request_id, traceparent)
        values ('order.due', number, due at time zone 'utc', request, parent);
    end if;
    return next json_build_object('order', order_document(number)::json, 'charge', json_build_object('order_id', number,
        'seq', 1, 'user_id', customer, 'amount', charge.amount, 'idempotency_key', charge.idempotency_key));
end $$;

-- Replacing a function takes its settings away; see the end of 0013.
do $$
declare
    name text;
begin
    foreach name in array array['order_document', 'customer_orders', 'status_orders', 'place_order'] loop
        execute format('alter function %I set enable_seqscan = off', name);
        execute format('alter function %I set plan_cache_mode = force_generic_plan', name);
    end loop;
end $$;
alter function status_orders set enable_incremental_sort = off;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 24';
