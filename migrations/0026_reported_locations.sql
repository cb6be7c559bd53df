-- no-transaction
-- What a courier has reported, in the order in which it is handed out and erased, part by part. The next migration drops the
-- index that this one replaces. Should it break off, drop what it left invalid before it is run again.
create index concurrently idx_order_events_reported_by on order_events (actor_id, order_id, version) where type = 'location';
