-- How few pairs of courier and duration there are: knowing that, Postgres adds up deliveries in parallel
-- (src/platform/src/analytics/deliveries.rs).
create statistics order_delivery_durations (ndistinct) on delivery_partner_id,
    (case when scheduled_for is null then (date_part('epoch', delivered_at - created_at) / 6)::int8 end)
    from orders;
analyze orders;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 16';
