-- A person's data: erased on request, while the books stay.

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 8';

-- History stays as it was written but for what it says of a person who wants it forgotten: then only
-- the data of an event may change.
create or replace function refuse_to_change_history() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and current_setting('orders.erasing', true) = 'on'
        and to_jsonb(new) - 'data' = to_jsonb(old) - 'data' then
        return new;
    end if;
    raise exception 'order_events is append-only' using errcode = 'restrict_violation';
end $$;

-- Erases what is known of a person as a customer and as a courier, and answers the orders it stood in.
-- Orders, items and payments stay, with the person's id, which says nothing to anybody without the user service.
create function erase_personal_data(person varchar, admin varchar, request varchar) returns integer[]
language plpgsql set orders.erasing = 'on' as $$
declare
    erased integer[];
begin
    with changed as (
        update orders set delivery_address = 'erased', delivery_latitude = null, delivery_longitude = null,
            version = version + 1, updated_at = now()
        where user_id = person and status in ('delivered', 'cancelled', 'refunded')
        returning id, version
    ), event as (
        insert into order_events (order_id, version, type, actor_id, actor_role, request_id)
        select id, version, 'erased', admin, 'admin', request from changed
    )
    select coalesce(array_agg(id), '{}') into erased from changed;

    update order_events set data = '{}' where type = 'location' and (order_id = any(erased) or actor_id = person);
    update order_events set data = data - 'reason' where order_id = any(erased) and actor_id = person and data ? 'reason';
    update order_feedback set comment = null where order_id = any(erased) and comment is not null;
    update users set email = null where uid = person;
    delete from order_templates where user_id = person;
    delete from idempotency_keys where user_id = person;
    return erased;
end $$;

-- Finds what a courier has reported.
create index idx_order_events_reported on order_events (actor_id) where type = 'location';
