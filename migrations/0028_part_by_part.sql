-- What a courier reported is erased part by part, and copies of items are mended under a lock.

-- Erases the next locations that a person has reported, after a place in the order of their events, at most so many. Answers
-- the place of the last as JSON; nothing when there are no more, or when an order of this person is under way, as
-- erase_person will say.
create function erase_locations(person varchar, after_order integer, after_version integer, most integer)
returns setof text language plpgsql set orders.erasing = 'on' as $$
declare
    last record;
begin
    if exists (select from orders where user_id = person and status in
        ('pending', 'confirmed', 'preparing', 'out_for_delivery', 'return_requested', 'return_approved', 'picked_up')) then
        return;
    end if;
    select order_id, version into last from (
        select order_id, version from order_events
        where actor_id = person and type = 'location' and (order_id, version) > (after_order, after_version)
        order by order_id, version limit most
    ) e order by order_id desc, version desc limit 1;
    if found then
        update order_events set data = '{}'
        where actor_id = person and type = 'location' and (order_id, version) > (after_order, after_version)
            and (order_id, version) <= (last.order_id, last.version) and data <> '{}';
        return next row_to_json(last)::text;
    end if;
end $$;

-- Copies the items of these orders anew where the copy isn't one. Locked first, in the order of their ids: an update that
-- waited itself for a change of items would copy them as they were before. Answers all of them.
create function copy_items_anew(ids integer[]) returns setof integer language plpgsql as $$
begin
    perform from orders where id = any(ids) order by id for no key update;
    update orders set item_list = items_of(id) where id = any(ids) and item_list::text <> items_of(id)::text;
    return query select unnest(ids);
end $$;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 28';
