//! The service's database as the tests see it: what is stored, and rows put there directly.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::TimeDelta;
use futures::future::join;
use serde_json::Value;
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Postgres, Transaction};
use tokio::time::sleep;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

pub struct Database {
    pool: PgPool,
}

impl Database {
    /// A new database on a server, with the migrations of the repository at `root` applied.
    pub async fn create(server: &Url, root: &Path, name: &str) -> Result<Url> {
        let mut connection = PgConnection::connect(server.as_str()).await?;
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await?;
        connection.close().await?;

        let mut url = server.clone();
        url.set_path(name);
        let mut connection = PgConnection::connect(url.as_str()).await?;
        Migrator::new(root.join("migrations")).await?.run(&mut connection).await?;
        connection.close().await?;
        Ok(url)
    }

    /// Connections of the calling test's own: they can't outlive its runtime.
    pub fn of(url: &Url) -> Database {
        let pool = PgPoolOptions::new()
            .max_connections(2)
            .connect_lazy(url.as_str())
            .expect("the URL the database was made by");
        Database { pool }
    }

    pub async fn order(&self, order_id: i64) -> Value {
        let mut rows = self.rows("select to_jsonb(o) from orders o where id = $1::text::int", order_id).await;
        assert_eq!(rows.len(), 1, "order {order_id} is stored");
        rows.remove(0)
    }

    /// A customer's orders, oldest first.
    pub async fn orders_of(&self, user_id: &str) -> Vec<Value> {
        self.rows("select to_jsonb(o) from orders o where user_id = $1 order by id", user_id).await
    }

    pub async fn items(&self, order_id: i64) -> Vec<Value> {
        let sql = "select to_jsonb(i) from order_items i where order_id = $1::text::int order by id";
        self.rows(sql, order_id).await
    }

    pub async fn events(&self, order_id: i64) -> Vec<Value> {
        let sql = "select to_jsonb(e) from order_events e where order_id = $1::text::int order by version";
        self.rows(sql, order_id).await
    }

    /// The order's events, one for each of its versions.
    pub async fn history(&self, order_id: i64) -> Vec<Value> {
        // In one look: the order may be changing.
        let sql = "select to_jsonb(e) || jsonb_build_object('newest', o.version)
            from orders o join order_events e on e.order_id = o.id where o.id = $1::text::int order by e.version";
        let events = self.rows(sql, order_id).await;
        let versions: Vec<i64> = events.iter().filter_map(|event| event["version"].as_i64()).collect();
        let newest = events[0]["newest"].as_i64().expect("an order has a version");
        assert_eq!(versions, (1..=newest).collect::<Vec<_>>(), "order {order_id}");
        events
    }

    pub async fn feedback(&self, order_id: i64) -> Vec<Value> {
        self.rows("select to_jsonb(f) from order_feedback f where order_id = $1::text::int", order_id).await
    }

    /// The order's movements of money.
    pub async fn ledger(&self, order_id: i64) -> Vec<Value> {
        let sql = "select to_jsonb(p) from payments p where order_id = $1::text::int order by seq";
        self.rows(sql, order_id).await
    }

    /// What a request is answered in whose way a movement of money comes: it has the next number in the
    /// ledger, and is there (declined) once the request waits for it.
    pub async fn overtaking_in_the_ledger<T>(&self, order_id: i64, request: impl Future<Output = T>) -> T {
        let sql = format!(
            "insert into payments (order_id, seq, kind, amount, status, settled_at)
            select order_id, max(seq) + 1, 'charge', 1.00, 'declined', now() from payments
            where order_id = {order_id} group by order_id"
        );
        self.overtaking(&sql, request).await
    }

    /// Runs `sql` in a transaction, starts `request`, commits once the request waits for a lock of it, and returns what
    /// the request is answered.
    pub async fn overtaking<T>(&self, sql: &str, request: impl Future<Output = T>) -> T {
        let mut transaction = self.pool.begin().await.expect("the database is there");
        sqlx::query(AssertSqlSafe(sql.to_owned()))
            .execute(&mut *transaction)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let overtake = async {
            somebody_waits_for(&mut transaction).await;
            transaction.commit().await.expect("it is there");
        };
        join(request, overtake).await.0
    }

    /// What a request is answered that locks the one order and then the other, while somebody else has the other and
    /// then wants the one. Postgres ends the request's statement, for it has been waiting longer.
    pub async fn deadlocking<T>(&self, [one, other]: [i64; 2], request: impl Future<Output = T>) -> T {
        let mut transaction = self.pool.begin().await.expect("the database is there");
        let lock = |id| format!("select from orders where id = {id} for update");
        for sql in ["set local deadlock_timeout = '1min'".to_owned(), lock(other)] {
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *transaction).await.expect("nobody is in the way");
        }
        let cross = async {
            somebody_waits_for(&mut transaction).await;
            let locked = sqlx::query(AssertSqlSafe(lock(one))).execute(&mut *transaction).await;
            locked.expect("it is the request's that is ended");
            transaction.commit().await.expect("nothing was changed");
        };
        join(request, cross).await.0
    }

    /// Work still to be done for the order.
    pub async fn tasks(&self, order_id: i64) -> Vec<Value> {
        let sql = "select to_jsonb(t) from tasks t where order_id = $1::text::int order by id";
        self.rows(sql, order_id).await
    }

    /// Runs a statement behind the service's back.
    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Rows of JSON, by a statement whose `$1` is a text.
    async fn rows(&self, sql: &'static str, parameter: impl ToString) -> Vec<Value> {
        sqlx::query_scalar(sql)
            .bind(parameter.to_string())
            .fetch_all(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub async fn assign(&self, order_id: i64, courier_id: &str) {
        sqlx::query("update orders set delivery_partner_id = $2 where id = $1::text::int")
            .bind(order_id.to_string())
            .bind(courier_id)
            .execute(&self.pool)
            .await
            .expect("the order is assigned");
    }

    /// An order that was delivered so long ago.
    pub async fn add_delivered(&self, user_id: &str, ago: TimeDelta) -> i64 {
        let id = self.add_order(user_id, "delivered", None).await;
        sqlx::query(
            "update orders set delivered_at = now() - $2 * interval '1 second' where id = $1::text::int",
        )
        .bind(id.to_string())
        .bind(ago.as_seconds_f64())
        .execute(&self.pool)
        .await
        .expect("the delivery is dated back");
        id
    }

    /// Moves an order a state further behind the service's back.
    pub async fn set_status(&self, order_id: i64, status: &str) {
        let sql = "
            with changed as (
                update orders set status = $2, version = version + 1 where id = $1::text::int
                returning id, version, status
            )
            insert into order_events (order_id, version, type, actor_id, actor_role, data)
            select id, version, 'status', 'test', 'system', jsonb_build_object('status', status) from changed";
        sqlx::query(sql)
            .bind(order_id.to_string())
            .bind(status)
            .execute(&self.pool)
            .await
            .expect("the order is changed");
    }

    /// What is left to be done for the order is due now, not when its wait ends.
    pub async fn hasten(&self, order_id: i64) {
        // Never waits for the worker: they could wait for each other.
        let sql = "update tasks set due_at = now() where id in (
                select id from tasks where order_id = $1::text::int for update skip locked)";
        sqlx::query(sql)
            .bind(order_id.to_string())
            .execute(&self.pool)
            .await
            .expect("the tasks are moved up");
    }

    /// A task of an order with just these columns; what isn't given has a default. Its id.
    pub async fn add_task(&self, order_id: i64, columns: Value) -> i64 {
        let sql = "
            insert into tasks (order_id, kind, payload, status, attempts, due_at, claimed_at, last_error)
            select $1::text::int, coalesce(kind, 'notify.status'), coalesce(payload, '{\"status\": \"confirmed\"}'),
                   coalesce(status, 'queued'), coalesce(attempts, 0), coalesce(due_at, now()), claimed_at, last_error
              from jsonb_to_record($2) as t (kind text, payload jsonb, status text, attempts int,
                   due_at timestamptz, claimed_at timestamptz, last_error text)
            returning id";
        sqlx::query_scalar(sql)
            .bind(order_id.to_string())
            .bind(columns)
            .fetch_one(&self.pool)
            .await
            .expect("the task is added")
    }

    /// How many findings of that kind are open.
    pub async fn findings(&self, kind: &str) -> i64 {
        let sql = "select count(*) from findings where kind = $1 and repaired_at is null";
        sqlx::query_scalar(sql).bind(kind).fetch_one(&self.pool).await.expect("they are counted")
    }

    /// How far the reconciler has come.
    pub async fn reconciliation(&self) -> Value {
        self.rows("select to_jsonb(r) from reconciliation r where $1 = ''", "").await.remove(0)
    }

    /// Breaks something behind the service's back, or mends it.
    pub async fn tamper(&self, sql: &str) {
        sqlx::query(AssertSqlSafe(sql.to_owned()))
            .execute(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// An order of one apple that came to this status by a single step. Nothing was paid for it.
    pub async fn add_order(&self, user_id: &str, status: &str, courier_id: Option<&str>) -> i64 {
        let sql = "
            with customer as (
                insert into users (uid) values ($1) on conflict do nothing
            ), placed as (
                insert into orders (user_id, delivery_partner_id, status, version, total_amount, delivery_fee,
                                    delivery_address, cancelled_at, delivered_at)
                select $1, $3, $2, case $2 when 'pending' then 1 else 2 end, 7.99, 5.00, '123 Main St',
                       case when $2 = 'cancelled' then now() end,
                       case when $2 in ('delivered', 'return_requested', 'return_approved', 'picked_up', 'refunded')
                            then now() end
                returning id, version
            ), items as (
                insert into order_items (order_id, product_id, quantity, price, product_name)
                select id, 5, 1, 2.99, 'Apple' from placed
            ), events as (
                insert into order_events (order_id, version, type, actor_id, actor_role, data)
                select id, 1, 'placed', $1, 'user', '{\"status\": \"pending\"}'::jsonb from placed
                union all
                select id, 2, 'status', 'test', 'system', jsonb_build_object('status', $2::text) from placed
                where version = 2
            )
            select id::bigint from placed";
        sqlx::query_scalar(sql)
            .bind(user_id)
            .bind(status)
            .bind(courier_id)
            .fetch_one(&self.pool)
            .await
            .expect("the order is added")
    }

    /// A charge of the order that waits for its outcome.
    pub async fn add_charge(&self, order_id: i64) {
        let sql = "insert into payments (order_id, seq, kind, amount)
            select id, 1, 'charge', total_amount from orders where id = $1::text::int";
        let added = sqlx::query(sql).bind(order_id.to_string()).execute(&self.pool).await;
        added.expect("nothing was charged for the order yet");
    }

    /// Delivered orders of one apple each, a few at a time in the same instant. Their ids, newest first.
    pub async fn add_orders(&self, user_id: &str, count: i32) -> Vec<i64> {
        let sql = "
            with customer as (
                insert into users (uid) values ($1) on conflict do nothing
            ), placed as (
                insert into orders (user_id, total_amount, delivery_fee, status, delivery_address,
                                    created_at, delivered_at)
                select $1, 7.99, 5.00, 'delivered', 'House ' || n,
                       timestamptz '2026-01-01 10:00Z' + n / 3 * interval '1 minute',
                       timestamptz '2026-01-01 11:00Z' + n / 3 * interval '1 minute'
                  from generate_series(1, $2) n
                returning id, created_at
            ), items as (
                insert into order_items (order_id, product_id, quantity, price, product_name)
                select id, 5, 1, 2.99, 'Apple' from placed
            ), events as (
                insert into order_events (order_id, version, type, actor_id, actor_role)
                select id, 1, 'placed', $1, 'user' from placed
            )
            select id::bigint from placed order by created_at desc, id desc";
        sqlx::query_scalar(sql)
            .bind(user_id)
            .bind(count)
            .fetch_all(&self.pool)
            .await
            .expect("the orders are added")
    }

    /// Orders of one apple each with just these columns, and perhaps a `rating`; what isn't given has a
    /// default. Their ids, in this order.
    pub async fn insert_orders(&self, orders: &[Value]) -> Vec<i64> {
        let sql = "
            with given as materialized (
                select nextval('orders_id_seq')::int as id, o.* from jsonb_to_recordset($1) as o (
                    user_id text, status text, total_amount numeric, delivery_partner_id text,
                    delivery_address text, estimated_delivery_time timestamptz, delivered_at timestamptz,
                    scheduled_for timestamptz, created_at timestamptz, rating int, product_name text)
            ), customers as (
                insert into users (uid) select distinct user_id from given on conflict do nothing
            ), placed as (
                insert into orders (id, user_id, status, total_amount, delivery_fee, delivery_partner_id,
                                    delivery_address, estimated_delivery_time, delivered_at, scheduled_for,
                                    created_at)
                select id, user_id, coalesce(status, 'delivered'), coalesce(total_amount, 7.99), 5.00,
                       delivery_partner_id, coalesce(delivery_address, '123 Main St'),
                       estimated_delivery_time, delivered_at, scheduled_for, coalesce(created_at, now())
                  from given
            ), items as (
                insert into order_items (order_id, product_id, quantity, price, product_name)
                select id, 5, 1, 2.99, coalesce(product_name, 'Apple') from given
            ), events as (
                insert into order_events (order_id, version, type, actor_id, actor_role)
                select id, 1, 'placed', user_id, 'user' from given
            ), feedback as (
                insert into order_feedback (order_id, rating) select id, rating from given where rating is not null
            )
            select id::bigint from given order by id";
        sqlx::query_scalar(sql)
            .bind(Value::from(orders))
            .fetch_all(&self.pool)
            .await
            .expect("the orders are inserted")
    }

    /// The customer's idempotency keys.
    pub async fn idempotency_keys(&self, user_id: &str) -> Vec<Value> {
        self.rows("select to_jsonb(k) from idempotency_keys k where user_id = $1 order by key", user_id).await
    }

    /// As it is some time after the service died while the customer's requests were being carried out.
    pub async fn claims_lapse(&self, user_id: &str) {
        let sql = "update idempotency_keys set leased_until = now() - interval '1 second' where user_id = $1";
        self.change_keys(sql, user_id).await;
    }

    /// As it is some time after the service died when it had carried out the customer's requests and
    /// not yet kept its answers.
    pub async fn answers_were_lost(&self, user_id: &str) {
        let sql = "update idempotency_keys set status = null, headers = null, body = null where user_id = $1";
        self.change_keys(sql, user_id).await;
        self.claims_lapse(user_id).await;
    }

    /// The time of the customer's idempotency keys is over.
    pub async fn keys_expire(&self, user_id: &str) {
        self.change_keys("update idempotency_keys set expires_at = now() where user_id = $1", user_id).await;
    }

    async fn change_keys(&self, sql: &'static str, parameter: &str) {
        let done = sqlx::query(sql).bind(parameter).execute(&self.pool).await;
        let rows = done.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected();
        assert!(rows > 0, "{sql}: there is nothing to change");
    }

    pub async fn email_of(&self, user_id: &str) -> Value {
        self.rows("select coalesce(to_jsonb(email), 'null') from users where uid = $1", user_id)
            .await
            .remove(0)
    }
}

async fn somebody_waits_for(transaction: &mut Transaction<'_, Postgres>) {
    // Not by pg_stat_activity, which a transaction sees as it was at the first look.
    let sql = "select exists (select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid)))";
    let deadline = Instant::now() + PATIENCE;
    while !sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut **transaction).await.expect("one may look") {
        assert!(Instant::now() < deadline, "the request never waits for it");
        sleep(POLL).await;
    }
}
