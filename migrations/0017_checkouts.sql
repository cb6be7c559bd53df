-- As in 0013, but a cart stays claimed until it is known whether it is paid, and then until it is cleared, however long
-- that takes: whoever ordered it again before would pay for it twice.
create or replace function claim_checkout(customer text, email_of_token text, new_token text) returns setof boolean
language plpgsql as $$
begin
    perform set_config('synchronous_commit', 'off', true);
    insert into users (uid, email) values (customer, email_of_token)
    on conflict (uid) do update set email = excluded.email
        where excluded.email is not null and users.email is distinct from excluded.email;
    return query insert into checkouts as c (user_id, token, expires_at)
        values (customer, new_token, now() + interval '60 seconds')
        on conflict (user_id) do update
            set token = excluded.token, order_id = null, expires_at = excluded.expires_at
            where c.token = excluded.token
               or c.expires_at < now()
                  and not exists (select from orders o where o.id = c.order_id and o.status = 'pending')
                  and not exists (select from payments p
                      where p.order_id = c.order_id and p.seq = 1 and p.status = 'pending')
                  and not exists (select from tasks t
                      where t.order_id = c.order_id and t.kind = 'cart.clear' and t.status = 'queued')
        returning true;
end $$;

-- Replacing a function takes its settings away; see the end of 0013.
alter function claim_checkout set enable_seqscan = off;
alter function claim_checkout set plan_cache_mode = force_generic_plan;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 17';
