-- What the lists of staff, feedback and the position of couriers need.

-- One rating for each order: a second replaces the first.
alter table order_feedback add constraint order_feedback_order_id_key unique (order_id);

-- The lists of staff, newest first, at any depth.
create index idx_order_status_created_at on orders (status, created_at desc, id desc);
create index idx_order_partner_created_at on orders (delivery_partner_id, created_at desc, id desc);
create index idx_order_newest on orders (created_at desc, id desc);

-- The courier's last position.
create index idx_order_events_location on order_events (order_id, version desc) where type = 'location';
