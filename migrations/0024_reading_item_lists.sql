-- Orders are read with the copies of 0022, which all of them have by now.

-- An order as a document has it. A release from before reads the lists as well as what it had instead.
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

-- Replacing a function takes its settings away; see the end of 0013.
do $$
declare
    name text;
begin
    foreach name in array array['order_document', 'customer_orders', 'status_orders'] loop
        execute format('alter function %I set enable_seqscan = off', name);
        execute format('alter function %I set plan_cache_mode = force_generic_plan', name);
    end loop;
end $$;
alter function status_orders set enable_incremental_sort = off;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 24';
