-- no-transaction
-- The orders that were there before 0022 get their copies, some thousands at a time, so that no change of an order has to
-- wait for long. Should it break off, it can simply be run again.
do $$
declare
    done integer := 0;
    up_to integer;
begin
    loop
        select max(id) into up_to from (select id from orders where id > done order by id limit 2000) o;
        exit when up_to is null;
        -- Where a trigger was faster, its copy is the newer one.
        update orders set item_list = items_of(id) where id > done and id <= up_to and item_list::text = '[]';
        commit;
        done := up_to;
    end loop;
end $$;
