-- What templates, reports and the export need.

-- A customer's templates, newest first, at any depth.
create index idx_order_templates_user_created_at on order_templates (user_id, created_at desc, id desc);
drop index idx_order_templates_user_id;

-- How deliveries went, by when they were.
create index idx_order_delivered_at on orders (delivered_at) where delivered_at is not null;

-- A value as a cell of a CSV file (RFC 4180). What a spreadsheet would take for a formula gets an
-- apostrophe in front, which makes it a text.
create function csv_cell(value text) returns text language sql immutable parallel safe as $$
    select case
        when value ~ '^[-=+@\t\r]' then
            case when value ~ '[",\r\n]' then '"''' || replace(value, '"', '""') || '"' else '''' || value end
        when value ~ '[",\r\n]' then '"' || replace(value, '"', '""') || '"'
        else coalesce(value, '')
    end
$$;

-- A time as the API writes it: RFC 3339 in UTC.
create function rfc3339(value timestamptz) returns text language sql stable parallel safe as $$
    select to_json(value at time zone 'utc') #>> '{}' || 'Z'
$$;
