-- no-transaction
-- The orders that were there before 0022 get their copies, some thousands at a time and without waiting for anybody, so
-- that nobody waits for long. Should it break off all the same, it can simply be run again.
do $$
declare
    done integer := 0;
    up_to integer;
begin
    loop
        select max(id) into up_to from (select id from orders where id > done order by id limit 2000) o;
        exit when up_to is null;
        loop
            -- Where a trigger was faster, its copy is the newer one.
            update orders set item_list = items_of(id) where id in (
                select o.id from orders o where o.id > done and o.id <= up_to and o.item_list::text = '[]'
                    and exists (select from order_items i where i.order_id = o.id)
                for no key update of o skip locked);
            commit;
            exit when not exists (
                select from orders o where o.id > done and o.id <= up_to and o.item_list::text = '[]'
                    and exists (select from order_items i where i.order_id = o.id));
            perform pg_sleep(0.1);
        end loop;
        done := up_to;
    end loop;
end $$;
