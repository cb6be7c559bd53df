-- What a worker or a request that stood still can do to money. Nobody calls other functions than before.

-- As in 0017, but who finds the cart claimed waits for whoever has it before looking at what became of their order: a
-- statement sees rows as they were at its beginning, and what was stored while it waited for a lock it would not see.
create or replace function claim_checkout(customer text, email_of_token text, new_token text) returns setof boolean
language plpgsql as $$
begin
    perform set_config('synchronous_commit', 'off', true);
    insert into users (uid, email) values (customer, email_of_token)
    on conflict (uid) do update set email = excluded.email
        where excluded.email is not null and users.email is distinct from excluded.email;
    insert into checkouts (user_id, token, expires_at) values (customer, new_token, now() + interval '60 seconds')
    on conflict (user_id) do nothing;
    if found then
        return next true;
        return;
    end if;
    perform from checkouts c where c.user_id = customer for update;
    return query update checkouts c set token = new_token, order_id = null, expires_at = now() + interval '60 seconds'
        where c.user_id = customer
            and (c.token = new_token and c.order_id is null
                or c.expires_at < now()
                    and not exists (select from orders o where o.id = c.order_id and o.status = 'pending')
                    and not exists (select from payments p
                        where p.order_id = c.order_id and p.seq = 1 and p.status = 'pending')
                    and not exists (select from tasks t
                        where t.order_id = c.order_id and t.kind = 'cart.clear' and t.status = 'queued'))
        returning true;
end $$;

-- As in 0014, but an approval is proof: also of a charge that another, who asked with the same key, was told was declined.
-- The money is the customer's if the order is over by then.
create or replace function settle_charge(
    charged_order integer, charge_seq integer, payment_reference text, request text, parent text, cart_is_cleared boolean
) returns setof text language plpgsql as $$
declare
    charge payments;
    changed orders;
    was_pending boolean;
begin
    update payments p set status = 'succeeded', settled_at = now(), reference = payment_reference
    where p.order_id = charged_order and p.seq = charge_seq and p.status in ('pending', 'declined')
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

-- Replacing a function takes its settings away; see the end of 0013.
do $$
declare
    name text;
begin
    foreach name in array array['claim_checkout', 'settle_charge']
    loop
        execute format('alter function %I set enable_seqscan = off', name);
        execute format('alter function %I set plan_cache_mode = force_generic_plan', name);
    end loop;
end $$;

-- Money doesn't wait behind messages.
create index idx_tasks_money_due on tasks (due_at) where status = 'queued' and kind like 'payment.%';

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 18';
