-- A time as the API writes it: RFC 3339 in UTC, a fraction of a second with three or six digits.
create or replace function rfc3339(value timestamptz) returns text language sql stable parallel safe as $$
    select to_char(value at time zone 'utc', case value
        when date_trunc('second', value) then 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
        when date_trunc('milliseconds', value) then 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
        else 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
    end)
$$;

create or replace function schema_version() returns integer language sql immutable parallel safe as 'select 12';
