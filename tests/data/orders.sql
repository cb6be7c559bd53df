-- Fills an empty, migrated database with as many orders as the setting `load.orders` says: the same at every run, but
-- for the dates. Order i is of customer (i * 7919) % 10000 + 1 and has three items on average; product p costs
-- ((p * 7919) % 9900 + 100) / 100. Events, ledger and tasks are those that the service itself would have written.

-- Without foreign keys' checks, which take most of the time: all of this fits together by itself.
set session_replication_role = replica;
set synchronous_commit = off;
set work_mem = '256MB';

-- A number below `among` that looks random and is always the same.
create function pg_temp.pick(subject bigint, salt bigint, among int) returns int language sql immutable as
    $$ select ((hashint8extended(subject, salt) & 9223372036854775807) % among)::int $$;

create function pg_temp.price(product int) returns numeric language sql immutable as
    $$ select ((product * 7919) % 9900 + 100)::numeric / 100 $$;

-- How many of a hundred orders are where, and how they came there.
create temp table ways (first int, last int, steps text[]);
insert into ways values
    (0, 3, '{}'),
    (4, 11, '{confirmed}'),
    (12, 16, '{confirmed,preparing}'),
    (17, 21, '{confirmed,preparing,out_for_delivery}'),
    (22, 83, '{confirmed,preparing,out_for_delivery,delivered}'),
    (84, 91, '{confirmed,cancelled}'),
    (92, 93, '{confirmed,preparing,out_for_delivery,delivered,return_requested}'),
    (94, 94, '{confirmed,preparing,out_for_delivery,delivered,return_requested,return_approved}'),
    (95, 95, '{confirmed,preparing,out_for_delivery,delivered,return_requested,return_approved,picked_up}'),
    (96, 99, '{confirmed,preparing,out_for_delivery,delivered,return_requested,return_approved,picked_up,refunded}');

create temp table lines as
    select id::int as order_id, pg_temp.pick(id * 8 + k, 1, 1000) + 1 as product_id, pg_temp.pick(id * 8 + k, 2, 3) + 1 as quantity
    from generate_series(1, current_setting('load.orders')::bigint) id, generate_series(1, 1 + pg_temp.pick(id, 3, 5)) k;

create temp table placed as
    select t.id, ((t.id::bigint * 7919) % 10000 + 1)::text as user_id, t.total, w.steps,
        coalesce(w.steps[cardinality(w.steps)], 'pending') as status,
        now() - interval '90 days' * (current_setting('load.orders')::float8 - t.id + 1) / current_setting('load.orders')::float8 as made
    from (
        select order_id as id, sum(pg_temp.price(product_id) * quantity) + 5 as total from lines group by order_id
    ) t join ways w on pg_temp.pick(t.id, 4, 100) between w.first and w.last;

insert into users (uid, email) select n::text, n || '@example.com' from generate_series(1, 10000) n;

insert into orders (id, user_id, delivery_partner_id, total_amount, delivery_fee, status, delivery_address,
        delivery_latitude, delivery_longitude, estimated_delivery_time, delivered_at, cancelled_at, created_at, updated_at,
        version)
    select id, user_id, case when 'preparing' = any(steps) then 'courier-' || pg_temp.pick(id, 5, 50) + 1 end, total, 5,
        status, pg_temp.pick(id, 6, 9999) + 1 || ' Main St, City, State 12345',
        round(40 + pg_temp.pick(id, 7, 10000) / 10000.0, 4)::text, round(-74 + pg_temp.pick(id, 8, 10000) / 10000.0, 4)::text,
        made + interval '30 minutes',
        case when 'delivered' = any(steps) then made + interval '1 minute' * (15 + pg_temp.pick(id, 9, 40)) end,
        case when status = 'cancelled' then made + interval '5 minutes' end,
        made, made, 1 + cardinality(steps)
    from placed order by id;

select setval('orders_id_seq', max(id)) from orders;

insert into order_items (order_id, product_id, quantity, price, product_name, created_at)
    select l.order_id, l.product_id, l.quantity, pg_temp.price(l.product_id), 'Product ' || l.product_id, p.made
    from lines l join placed p on p.id = l.order_id order by l.order_id;
-- No triggers here, either.
update orders set item_list = items_of(id);

insert into order_events (order_id, version, type, actor_id, actor_role, data, created_at)
    select id, 1, 'placed', user_id, 'user', jsonb_build_object('status', 'pending', 'total_amount', total), made from placed
    union all
    select id, step.n + 1, 'status', 'order-service', 'system', jsonb_build_object('status', step.status),
        made + step.n * interval '5 minutes'
    from placed, unnest(steps) with ordinality as step (status, n)
    order by 1, 2;

insert into payments (order_id, seq, kind, amount, status, created_at, settled_at)
    select id, 1, 'charge', total, case status when 'pending' then status else 'succeeded' end, made,
        case when status <> 'pending' then made end
    from placed
    union all
    select id, 2, 'refund', total, 'succeeded', made, made from placed where status in ('cancelled', 'refunded')
    order by 1, 2;

-- Not due as long as anybody looks on.
insert into tasks (kind, order_id, payload, due_at)
    select 'payment.settle', id, '{"seq": 1}', now() + interval '30 days' from placed where status = 'pending' order by id;

insert into order_feedback (order_id, rating, comment, created_at)
    select id, pg_temp.pick(id, 10, 5) + 1, 'Feedback on order ' || id, made + interval '1 day'
    from placed where status = 'delivered' and pg_temp.pick(id, 11, 5) = 0 order by id;

insert into order_templates (user_id, name, items)
    select n::text, 'Weekly pack of ' || n, jsonb_build_array(
        jsonb_build_object('product_id', pg_temp.pick(n, 12, 1000) + 1, 'quantity', 2),
        jsonb_build_object('product_id', pg_temp.pick(n, 13, 1000) + 1, 'quantity', 1))
    from generate_series(1, 10000) n;

insert into idempotency_keys (user_id, key, fingerprint, token, leased_until, expires_at)
    select n::text, 'key-' || n, sha256(n::text::bytea), 'token-' || n, now(), now() + interval '1 day'
    from generate_series(1, 10000) n;

insert into checkouts (user_id, token, expires_at) select n::text, 'token-' || n, now() from generate_series(1, 10000) n;

drop table ways, lines, placed;
