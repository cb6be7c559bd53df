-- Tasks bear the whole trace context: after the traceparent (55 characters) and a space, the tracestate that came with it
-- (at most 512). A longer limit leaves the rows as they are. While the release before is still running it sends such a
-- value on as a traceparent, which its receiver has to ignore; the request's id still tells what caused the call.
alter table tasks alter column traceparent type varchar(568);

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 10';
