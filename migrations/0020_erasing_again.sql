-- Erasing what was erased before changes nothing, so that a long erasure whose answer got lost can be asked for again.

-- As in 0008, whose callers it keeps.
create or replace function erase_personal_data(person varchar, admin varchar, request varchar) returns integer[]
language plpgsql set orders.erasing = 'on' as $$
declare
    finished integer[];
begin
    select coalesce(array_agg(id), '{}') into finished from orders
    where user_id = person and status in ('delivered', 'cancelled', 'refunded');

    with changed as (
        update orders set delivery_address = 'erased', delivery_latitude = null, delivery_longitude = null,
            version = version + 1, updated_at = now()
        where id = any(finished) and delivery_address <> 'erased'
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

-- Run by every change with an Idempotency-Key; see the end of 0013.
alter function record_outcome set enable_seqscan = off;
alter function record_outcome set plan_cache_mode = force_generic_plan;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 20';
