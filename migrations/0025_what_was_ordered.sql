-- The task that clears a cart carries what was ordered, and an erasure no longer depends on timing.

-- As in 0021, but the task that clears the cart knows what was in it, for the order may have other items by then.
create or replace function settle_charge(
    charged_order integer, charge_seq integer, payment_reference text, request text, parent text, cart_is_cleared boolean
) returns setof text language plpgsql as $$
declare
    charge payments;
    changed orders;
    was_pending boolean;
    surplus numeric;
    refund_seq integer;
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
        surplus := charge.amount - coalesce(changed.total_amount, 0);
        if surplus > 0 then
            insert into payments (order_id, seq, kind, amount)
            select charged_order, max(p.seq) + 1, 'refund', surplus from payments p where p.order_id = charged_order
            returning seq into refund_seq;
            insert into tasks (kind, order_id, payload, request_id, traceparent)
            values ('payment.refund', charged_order, jsonb_build_object('seq', refund_seq), request, parent);
        end if;
        if changed.id is null then
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
        insert into tasks (kind, order_id, payload, request_id, traceparent)
        select 'cart.clear', charged_order, jsonb_build_object('lines', (
            select jsonb_agg(jsonb_build_object('product_id', i.product_id, 'quantity', i.quantity))
            from order_items i where i.order_id = charged_order)), request, parent
        from checkouts c where c.user_id = changed.user_id and c.order_id = charged_order;
    end if;
    return next order_document(charged_order);
end $$;

-- Replacing a function takes its settings away; see the end of 0013.
alter function settle_charge set enable_seqscan = off;
alter function settle_charge set plan_cache_mode = force_generic_plan;

-- Erases a person as personal_data::erase says. An order refers to its customer, so that one which is placed at the same
-- time either waits for this or is seen: each statement here sees what was there when it began.
create function erase_person(person varchar, admin varchar, request varchar) returns text language plpgsql as $$
declare
    is_known boolean;
    under_way integer;
begin
    perform from users where uid = person for update;
    is_known := found or exists (select from order_events where actor_id = person and type = 'location');
    -- Somebody is on the way with these, and needs to know where to.
    select min(id) into under_way from orders where user_id = person and status in
        ('pending', 'confirmed', 'preparing', 'out_for_delivery', 'return_requested', 'return_approved', 'picked_up');
    return json_build_object('is_known', is_known, 'under_way', under_way,
        'erased', case when is_known and under_way is null then erase_personal_data(person, admin, request) end);
end $$;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 25';
