-- What scheduled orders, the review of tasks and the reconciler need.

alter table tasks
    drop constraint tasks_kind_check,
    -- One more: the time of a scheduled order comes.
    add constraint tasks_kind_check check (kind in (
        'payment.settle', 'payment.refund', 'cart.clear', 'notify.confirmation', 'notify.status', 'order.due')),
    -- Set while a worker has it. One that is due all the same was left behind by a worker that died.
    add column claimed_at timestamptz;

-- What an operator should know of is rare among the tasks and movements of money, so these stay small.
create index idx_tasks_dead on tasks (id) where status = 'dead';
create index idx_tasks_struggling on tasks (attempts) where attempts >= 10;
create index idx_payments_pending on payments (created_at) where status = 'pending';

-- Which orders have changed since a time. Ever at the right edge, so that it costs an event little; an
-- index on the orders themselves would be rewritten with every change of one.
create index idx_order_events_created_at on order_events (created_at);

-- The reconciler's only row: who runs it at the moment, and how far it has come.
create table reconciliation (
    is_only boolean not null default true,
    started_at timestamptz,
    -- A run holds this lease, so that there is one at a time; a dead one's ends by itself.
    leased_until timestamptz,
    finished_at timestamptz,
    duration_ms integer,
    -- Orders were looked at that changed until then, ...
    checked_until timestamptz not null default current_timestamp,
    -- ... and on the walk through all orders those up to this id.
    walked_to integer not null default 0,
    constraint reconciliation_pkey primary key (is_only),
    constraint reconciliation_is_only_check check (is_only)
);

insert into reconciliation default values;

-- What the reconciler found wrong with an order. It goes when it isn't so any more; what was repaired
-- stays for a while.
create table findings (
    order_id integer not null,
    kind varchar(40) not null,
    detail text not null,
    since timestamptz not null default current_timestamp,
    repaired_at timestamptz,
    constraint findings_pkey primary key (order_id, kind),
    constraint findings_order_id_fkey foreign key (order_id) references orders (id) on delete cascade
);
