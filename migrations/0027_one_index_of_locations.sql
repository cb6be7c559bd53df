-- no-transaction
-- The index of 0026 has taken its place. Concurrently, for nobody to wait behind a lock that waits for a report.
drop index concurrently idx_order_events_reported;
