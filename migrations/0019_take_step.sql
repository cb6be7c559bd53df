-- One statement for a change of status, whose plan is kept.

-- Takes the order to a new status if it has one of the origins and, where a courier is named, is carried by them. It needn't
-- be read before: set_order_status changes it only in the version that was seen here. Returns that status and what changed.
create function take_step(
    wanted integer, origins text[], courier text, new_status text, actor text, role text, request text, parent text
) returns setof text language plpgsql set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
begin
    return query select json_build_object('from', o.status, 'changed', set_order_status(
            array[o.id], array[o.version], new_status, '{}', actor, role, request, parent)::json)::text
        from orders o
        where o.id = wanted and o.status = any(origins) and (courier is null or o.delivery_partner_id = courier);
end $$;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 19';
