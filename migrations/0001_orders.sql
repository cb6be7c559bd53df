-- The specification's four tables, with the changes its decisions ask for, and what keeps orders
-- and money safe beside them: events, the ledger, the outbox and checkouts.
-- Constraints are named: the service turns their names into answers.

-- The customers this service has met, filled from their tokens. The user service owns the rest.
create table users (
    uid varchar(255) not null,
    email varchar(320),
    created_at timestamptz not null default current_timestamp,
    constraint users_pkey primary key (uid)
);

create table orders (
    id serial not null,
    user_id varchar(255) not null,
    delivery_partner_id varchar(255),
    total_amount decimal(10, 2) not null,
    delivery_fee decimal(10, 2) not null default 0,
    status varchar(20) not null default 'pending',
    delivery_address text not null,
    delivery_latitude varchar(20),
    delivery_longitude varchar(20),
    estimated_delivery_time timestamptz,
    delivered_at timestamptz,
    cancelled_at timestamptz,
    scheduled_for timestamptz,
    created_at timestamptz not null default current_timestamp,
    updated_at timestamptz not null default current_timestamp,
    -- The number of the order's newest event; its ETag.
    version integer not null default 1,
    constraint orders_pkey primary key (id),
    -- No cascade: whoever has orders stays in the books.
    constraint orders_user_id_fkey foreign key (user_id) references users (uid) on delete restrict,
    constraint orders_total_amount_check check (total_amount >= 0),
    constraint orders_delivery_fee_check check (delivery_fee >= 0),
    constraint orders_status_check check (status in (
        'pending', 'confirmed', 'preparing', 'out_for_delivery', 'delivered', 'cancelled',
        'return_requested', 'return_approved', 'picked_up', 'refunded')),
    constraint orders_version_check check (version > 0)
);

create index idx_order_user_status on orders (user_id, status);
create index idx_order_delivery_partner on orders (delivery_partner_id);
create index idx_order_created_at on orders (created_at);
-- Serves a customer's list, newest first, at any depth.
create index idx_order_user_created_at on orders (user_id, created_at desc, id desc);

create table order_items (
    id serial not null,
    order_id integer not null,
    product_id integer not null,
    quantity integer not null,
    price decimal(10, 2) not null,
    -- As it was called when it was ordered, whatever becomes of the product.
    product_name varchar(255),
    created_at timestamptz not null default current_timestamp,
    constraint order_items_pkey primary key (id),
    constraint order_items_order_id_fkey foreign key (order_id) references orders (id) on delete cascade,
    constraint order_items_quantity_check check (quantity > 0),
    constraint order_items_price_check check (price > 0)
);

create index idx_order_items_order_id on order_items (order_id);

create table order_templates (
    id serial not null,
    user_id varchar(255) not null,
    name varchar(100),
    items jsonb not null,
    created_at timestamptz not null default current_timestamp,
    updated_at timestamptz not null default current_timestamp,
    constraint order_templates_pkey primary key (id),
    constraint order_templates_user_id_fkey foreign key (user_id) references users (uid) on delete restrict
);

create index idx_order_templates_user_id on order_templates (user_id);

create table order_feedback (
    id serial not null,
    order_id integer not null,
    rating integer,
    comment text,
    created_at timestamptz not null default current_timestamp,
    constraint order_feedback_pkey primary key (id),
    constraint order_feedback_order_id_fkey foreign key (order_id) references orders (id) on delete cascade,
    constraint order_feedback_rating_check check (rating >= 1 and rating <= 5)
);

create index idx_order_feedback_order_id on order_feedback (order_id);

-- What happened to an order: one row for each version, without gaps, never changed.
create table order_events (
    order_id integer not null,
    version integer not null,
    type varchar(40) not null,
    actor_id varchar(255) not null,
    actor_role varchar(20) not null,
    data jsonb not null default '{}',
    request_id varchar(128),
    created_at timestamptz not null default current_timestamp,
    constraint order_events_pkey primary key (order_id, version),
    constraint order_events_order_id_fkey foreign key (order_id) references orders (id) on delete restrict,
    constraint order_events_actor_role_check check (actor_role in ('user', 'delivery_partner', 'admin', 'system'))
);

create function refuse_to_change_history() returns trigger language plpgsql as $$
begin
    raise exception 'order_events is append-only' using errcode = 'restrict_violation';
end $$;

create trigger order_events_append_only before update or delete on order_events
    for each row execute function refuse_to_change_history();

-- The ledger: every movement of money, written before it is asked for. The key makes asking again
-- harmless; a row stays pending until the payment service's answer is known.
create table payments (
    order_id integer not null,
    seq integer not null,
    kind varchar(10) not null,
    amount decimal(10, 2) not null,
    status varchar(10) not null default 'pending',
    idempotency_key varchar(64) not null
        generated always as ('order-' || order_id::text || '-' || kind || '-' || seq::text) stored,
    -- The payment service's own name for it.
    reference varchar(255),
    created_at timestamptz not null default current_timestamp,
    settled_at timestamptz,
    constraint payments_pkey primary key (order_id, seq),
    constraint payments_order_id_fkey foreign key (order_id) references orders (id) on delete restrict,
    constraint payments_kind_check check (kind in ('charge', 'refund')),
    constraint payments_amount_check check (amount > 0),
    constraint payments_status_check check (status in ('pending', 'succeeded', 'declined')),
    constraint payments_settled_check check ((status = 'pending') = (settled_at is null))
);

-- The outbox: work that must follow a change, written with it in one statement. A worker claims a
-- task by moving due_at past the time it may need, so a dead worker's tasks come back by
-- themselves; a finished task is deleted, one given up stays as a dead letter.
create table tasks (
    id bigint generated always as identity,
    kind varchar(40) not null,
    order_id integer not null,
    payload jsonb not null default '{}',
    status varchar(10) not null default 'queued',
    due_at timestamptz not null default current_timestamp,
    attempts integer not null default 0,
    last_error text,
    -- The request that caused it, so that what a task does can be traced back.
    request_id varchar(128),
    traceparent varchar(128),
    created_at timestamptz not null default current_timestamp,
    constraint tasks_pkey primary key (id),
    constraint tasks_order_id_fkey foreign key (order_id) references orders (id) on delete restrict,
    constraint tasks_kind_check check (kind in (
        'payment.settle', 'payment.refund', 'cart.clear', 'notify.confirmation', 'notify.status')),
    constraint tasks_status_check check (status in ('queued', 'dead')),
    constraint tasks_attempts_check check (attempts >= 0)
);

create index idx_tasks_due on tasks (due_at) where status = 'queued';
create index idx_tasks_order_id on tasks (order_id);

-- Who is turning a cart into an order just now: at most one request for each customer. It ends when
-- the cart is cleared, or by its lease once no order of it is pending.
create table checkouts (
    user_id varchar(255) not null,
    token varchar(64) not null,
    order_id integer,
    expires_at timestamptz not null,
    constraint checkouts_pkey primary key (user_id),
    constraint checkouts_user_id_fkey foreign key (user_id) references users (uid) on delete cascade,
    constraint checkouts_order_id_fkey foreign key (order_id) references orders (id) on delete cascade
);
