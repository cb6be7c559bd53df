-- What running the service needs.

-- The newest migration, whatever tool applied it: a release looks for the one it needs before it
-- declares itself ready. Every migration replaces this.
create function schema_version() returns integer language sql immutable parallel safe as 'select 7';
