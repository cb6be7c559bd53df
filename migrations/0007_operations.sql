-- What running the service needs.

-- The newest migration, whatever tool applied it: a release looks for the one it needs before it
-- declares itself ready. Every migration replaces this.
create function schema_version() returns integer language sql immutable parallel safe as 'select 7';

-- The W3C trace context of the request that caused a task, whole.
alter table tasks add column tracestate varchar(512);
