-- Twenty orders for each of three customers, all given to one courier, more of the statuses in which
-- there is more to do; two templates each, and tasks that were given up.
insert into users (uid) values ('admin-1'), ('courier-1'), ('customer-1');

with given as (
    select row_number() over (order by person, place) as id, person, status
    from unnest(array['pending', 'confirmed', 'confirmed', 'confirmed', 'confirmed', 'preparing', 'preparing',
                      'out_for_delivery', 'out_for_delivery', 'out_for_delivery', 'out_for_delivery',
                      'delivered', 'delivered', 'delivered', 'delivered', 'cancelled', 'return_requested',
                      'return_approved', 'picked_up', 'refunded']) with ordinality as statuses (status, place),
         unnest(array['admin-1', 'courier-1', 'customer-1']) as person
), placed as (
    insert into orders (user_id, delivery_partner_id, status, version, total_amount, delivery_fee,
                        delivery_address, delivered_at, cancelled_at, estimated_delivery_time)
    select person, 'courier-1', status, 2, 10.98, 5.00, '123 Main St, City, State 12345',
           case when status in ('delivered', 'return_requested', 'return_approved', 'picked_up', 'refunded') then now() end,
           case when status = 'cancelled' then now() end, now() + interval '30 minutes'
    from given order by id
    returning id, user_id, status
), items as (
    insert into order_items (order_id, product_id, quantity, price, product_name)
    select id, 5, 2, 2.99, 'Apple' from placed
), events as (
    insert into order_events (order_id, version, type, actor_id, actor_role, data)
    select id, 1, 'placed', user_id, 'user', '{"status": "pending"}'::jsonb from placed
    union all
    select id, 2, 'status', 'admin-1', 'admin', jsonb_build_object('status', status) from placed
    union all
    select id, 3, 'location', 'courier-1', 'delivery_partner', '{"latitude": "40.7128", "longitude": "-74.0060"}'::jsonb
    from placed where status = 'out_for_delivery'
), feedback as (
    insert into order_feedback (order_id, rating, comment)
    select id, 5, 'Fast delivery!' from placed where status = 'delivered'
)
insert into order_templates (user_id, name, items)
select person, 'Weekly Grocery Pack', '[{"product_id": 5, "quantity": 2}, {"product_id": 8, "quantity": 1}]'::jsonb
from unnest(array['admin-1', 'courier-1', 'customer-1']) as person, generate_series(1, 2);

update orders set version = 3 where status = 'out_for_delivery';

insert into tasks (kind, order_id, status, attempts, last_error)
select 'cart.clear', id, 'dead', 30, 'the cart service: answered 500' from generate_series(1, 6) as id;
