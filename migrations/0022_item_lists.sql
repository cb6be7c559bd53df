-- Whoever reads an order reads its items, and to gather them took Postgres longer than all the rest: two thirds of a
-- customer's page. So each order carries a copy of them, as one value. order_items remains the truth: whatever is inserted
-- there, updated or deleted, these triggers bring the copy up to date. (The reconciler finds what gets past them.)

-- [[id, product_id, quantity, price, product_name], …], as domain::Item reads it; names would make it three times as long.
-- This list is never turned round or made longer, for the release before would not understand it.
alter table orders add column item_list json not null default '[]';

create function items_of(wanted integer) returns json language plpgsql stable as $$
begin
    return (
        select coalesce(json_agg(json_build_array(id, product_id, quantity, price, product_name) order by id), '[]')
        from order_items where order_id = wanted
    );
end $$;

create function copy_items() returns trigger language plpgsql as $$
declare
    touched integer[] := '{}';
begin
    if tg_op <> 'DELETE' then
        touched := array(select distinct order_id from added);
    end if;
    -- An item that moves to another order leaves its old one, too.
    if tg_op <> 'INSERT' then
        touched := touched || array(select distinct order_id from removed);
    end if;
    -- Locked first: an update that waited itself would copy the items as they were before. And in the order of their ids,
    -- as all who change several do.
    perform from orders where id = any(touched) order by id for no key update;
    update orders set item_list = items_of(id)
    where id = any(touched) and item_list::text <> items_of(id)::text;
    return null;
end $$;

create trigger copy_inserted_items after insert on order_items
    referencing new table as added for each statement execute function copy_items();
create trigger copy_updated_items after update on order_items
    referencing old table as removed new table as added for each statement execute function copy_items();
create trigger copy_deleted_items after delete on order_items
    referencing old table as removed for each statement execute function copy_items();

-- Single rows by their index; see the end of 0013. And a dump is restored without a search path.
do $$
declare
    name text;
begin
    foreach name in array array['items_of', 'copy_items'] loop
        execute format('alter function %I set enable_seqscan = off', name);
        execute format('alter function %I set plan_cache_mode = force_generic_plan', name);
        execute format('alter function %I set search_path from current', name);
    end loop;
end $$;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 22';
