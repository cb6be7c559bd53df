-- What placing and changing an order runs, step by step. One statement for all sets up, at each call, whatever might have
-- to be done; a function sets up only what has to be. It is one statement of its caller's all the same: all or nothing.

-- The rows of a moment refer to what was written just before or together with them, and to check each again takes as long
-- as to write it. Nor do they keep orders and customers from being deleted, which nobody does.
alter table checkouts drop constraint checkouts_user_id_fkey, drop constraint checkouts_order_id_fkey;
alter table tasks drop constraint tasks_order_id_fkey;

-- A constraint's expression is read and planned anew by each statement that writes to its table, and lists of words are
-- long to read. Those of history, queue and ledger come from this service alone, as words of its own; what an order may
-- be is still checked, by a short call.
alter table order_events drop constraint order_events_actor_role_check;
alter table tasks
    drop constraint tasks_kind_check, drop constraint tasks_status_check, drop constraint tasks_attempts_check;
alter table payments drop constraint payments_kind_check, drop constraint payments_status_check;

create function is_order_status(word text) returns boolean language plpgsql immutable parallel safe as $$
begin
    return word in ('pending', 'confirmed', 'preparing', 'out_for_delivery', 'delivered', 'cancelled',
        'return_requested', 'return_approved', 'picked_up', 'refunded');
end $$;

-- Validated by the next migration, which locks nobody out.
alter table orders
    drop constraint orders_status_check,
    add constraint orders_status_check check (is_order_status(status)) not valid;

-- A checkout is found by its customer, so that noting its order touches no index. The table holds few rows, those of the
-- moment: who looks for others reads it whole.
drop index idx_checkouts_order_id, idx_checkouts_expires_at;

-- As in 0013, whose callers it keeps.
create or replace function place_cart(
    customer text, checkout_token text, total numeric, fee numeric, address text, latitude text, longitude text,
    arrival timestamp, scheduled timestamp, products integer[], quantities integer[], prices numeric[], names text[],
    role text, request text, parent text, due timestamp
) returns setof text language plpgsql as $$
declare
    number integer;
begin
    update checkouts c set order_id = nextval('orders_id_seq'), expires_at = now() + interval '60 seconds'
    where c.user_id = customer and c.token = checkout_token and c.order_id is null
    returning c.order_id into number;
    if found then
        return query select place_order(number, customer, total, fee, address, latitude, longitude, arrival, scheduled,
            products, quantities, prices, names, role, request, parent, due);
    end if;
end $$;

-- As in 0009, whose callers it keeps.
create or replace function place_order(
    number integer, customer text, total numeric, fee numeric, address text, latitude text, longitude text,
    arrival timestamp, scheduled timestamp, products integer[], quantities integer[], prices numeric[], names text[],
    role text, request text, parent text, due timestamp
) returns setof text language plpgsql as $$
declare
    placed orders;
    charge payments;
begin
    insert into orders (id, user_id, total_amount, delivery_fee, delivery_address, delivery_latitude,
        delivery_longitude, estimated_delivery_time, scheduled_for)
    values (number, customer, total, fee, address, latitude, longitude, arrival at time zone 'utc',
        scheduled at time zone 'utc')
    returning * into placed;
    insert into order_items (order_id, product_id, quantity, price, product_name)
    select number, l.* from unnest(products, quantities, prices, names) l;
    insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
    values (number, 1, 'placed', customer, role,
        jsonb_build_object('status', placed.status, 'total_amount', placed.total_amount), request);
    insert into payments (order_id, seq, kind, amount) values (number, 1, 'charge', placed.total_amount)
    returning * into charge;
    insert into tasks (kind, order_id, payload, due_at, request_id, traceparent)
    values ('payment.settle', number, jsonb_build_object('seq', 1), now() + interval '15 seconds', request, parent);
    if due is not null then
        insert into tasks (kind, order_id, due_at, request_id, traceparent)
        values ('order.due', number, due at time zone 'utc', request, parent);
    end if;
    return next json_build_object('order', order_document(number)::json, 'charge', json_build_object('order_id', number,
        'seq', 1, 'user_id', customer, 'amount', charge.amount, 'idempotency_key', charge.idempotency_key));
end $$;

-- As in 0013, whose callers it keeps.
create or replace function settle_charge(
    charged_order integer, charge_seq integer, payment_reference text, request text, parent text, cart_is_cleared boolean
) returns setof text language plpgsql as $$
declare
    charge payments;
    changed orders;
    was_pending boolean;
begin
    update payments p set status = 'succeeded', settled_at = now(), reference = payment_reference
    where p.order_id = charged_order and p.seq = charge_seq and p.status = 'pending'
    returning * into charge;
    if not found then
        return;
    end if;
    delete from tasks t where t.order_id = charged_order and t.kind = 'payment.settle'
        and t.payload @> jsonb_build_object('seq', charge_seq);

    update orders o set status = 'confirmed', version = o.version + 1, updated_at = now()
    where o.id = charged_order and o.status = 'pending' and charge_seq = 1
    returning * into changed;
    was_pending := found;
    if not was_pending then
        update orders o set version = o.version + 1, updated_at = now()
        where o.id = charged_order and o.status not in ('cancelled', 'refunded') and charge_seq = 1
        returning * into changed;
        if not found then
            insert into payments (order_id, seq, kind, amount)
            select charged_order, max(p.seq) + 1, 'refund', charge.amount from payments p where p.order_id = charged_order
            returning * into charge;
            insert into tasks (kind, order_id, payload, request_id, traceparent)
            values ('payment.refund', charged_order, jsonb_build_object('seq', charge.seq), request, parent);
            return;
        end if;
    end if;

    insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
    values (charged_order, changed.version, case when was_pending then 'status' else 'payment' end, 'order-service',
        'system', jsonb_build_object('status', changed.status, 'paid', charge.amount), request);
    insert into tasks (kind, order_id, payload, request_id, traceparent)
    select 'notify.confirmation', charged_order, '{}'::jsonb, request, parent
    from users u where u.uid = changed.user_id and u.email is not null
    union all
    select 'notify.status', charged_order, jsonb_build_object('status', changed.status), request, parent where was_pending;
    if cart_is_cleared then
        delete from checkouts c where c.user_id = changed.user_id and c.order_id = charged_order;
    else
        insert into tasks (kind, order_id, request_id, traceparent)
        select 'cart.clear', charged_order, request, parent
        from checkouts c where c.user_id = changed.user_id and c.order_id = charged_order;
    end if;
    return next order_document(charged_order);
end $$;

-- As in 0013, whose callers it keeps.
create or replace function finish_checkout(finished integer) returns void language plpgsql as $$
begin
    delete from tasks where order_id = finished and kind = 'cart.clear';
    delete from checkouts c using orders o where o.id = finished and c.user_id = o.user_id and c.order_id = o.id;
end $$;

-- As in 0009, whose callers it keeps.
create or replace function set_order_status(
    ids integer[], versions integer[], new_status text, details text, actor text, role text, request text, parent text
) returns setof text language plpgsql as $$
declare
    changed orders;
    refund_seq integer;
begin
    for changed in
        update orders o set status = new_status, version = o.version + 1, updated_at = now(),
            delivered_at = case when new_status = 'delivered' then coalesce(o.delivered_at, now()) else o.delivered_at end,
            cancelled_at = case when new_status = 'cancelled' then now() else o.cancelled_at end
        from unnest(ids, versions) as seen (id, version)
        where o.id = seen.id and o.version = seen.version
        returning o.*
    loop
        insert into order_events (order_id, version, type, actor_id, actor_role, data, request_id)
        values (changed.id, changed.version, 'status', actor, role,
            details::jsonb || jsonb_build_object('status', changed.status), request);
        insert into tasks (kind, order_id, payload, request_id, traceparent)
        values ('notify.status', changed.id, jsonb_build_object('status', changed.status), request, parent);
        refund_seq := null;
        if new_status in ('cancelled', 'refunded') then
            refund_seq := refund_what_was_paid(changed.id, request, parent);
            delete from checkouts c where c.user_id = changed.user_id and c.order_id = changed.id;
        end if;
        return next json_build_object('order', order_document(changed.id)::json,
            'refund_initiated', refund_seq is not null);
    end loop;
end $$;

-- Enters what was paid for an order that is over as a refund, and the task that pays it back. Null when there is nothing
-- to pay back.
create function refund_what_was_paid(refunded integer, request text, parent text) returns integer language plpgsql as $$
declare
    refund_seq integer;
begin
    insert into payments (order_id, seq, kind, amount)
    select refunded, paid.last_seq + 1, 'refund', paid.balance
    from (
        select max(seq) as last_seq, coalesce(
            sum(amount) filter (where kind = 'charge' and status = 'succeeded')
            - coalesce(sum(amount) filter (where kind = 'refund' and status <> 'declined'), 0), 0) as balance
        from payments p where p.order_id = refunded
    ) paid
    where paid.balance > 0
    returning seq into refund_seq;
    if found then
        insert into tasks (kind, order_id, payload, request_id, traceparent)
        values ('payment.refund', refunded, jsonb_build_object('seq', refund_seq), request, parent);
    end if;
    return refund_seq;
end $$;

-- Replacing a function takes its settings away; see the end of 0013.
do $$
declare
    name text;
begin
    foreach name in array array['place_cart', 'place_order', 'settle_charge', 'finish_checkout', 'set_order_status',
        'refund_what_was_paid']
    loop
        execute format('alter function %I set enable_seqscan = off', name);
        execute format('alter function %I set plan_cache_mode = force_generic_plan', name);
    end loop;
end $$;

-- No release that is running calls these.
drop function find_order(integer), approve_charge(integer, integer, text, text, text, integer);

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 14';
