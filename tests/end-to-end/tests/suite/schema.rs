//! The migrations: what they make of an empty database, and of one that is in use.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use end_to_end::{BareDatabase, STATUSES};

/// The columns of the specification's tables, and what this service adds to them. Where the
/// specification gives a column a default and leaves null open, ours is `not null`.
const COLUMNS: &str = "
    users.uid character varying(255) not null
    users.email character varying(320)
    users.created_at timestamp with time zone not null default CURRENT_TIMESTAMP

    orders.id integer not null default nextval('orders_id_seq'::regclass)
    orders.user_id character varying(255) not null
    orders.delivery_partner_id character varying(255)
    orders.total_amount numeric(10,2) not null
    orders.delivery_fee numeric(10,2) not null default 0
    orders.status character varying(20) not null default 'pending'::character varying
    orders.delivery_address text not null
    orders.delivery_latitude character varying(20)
    orders.delivery_longitude character varying(20)
    orders.estimated_delivery_time timestamp with time zone
    orders.delivered_at timestamp with time zone
    orders.cancelled_at timestamp with time zone
    orders.scheduled_for timestamp with time zone
    orders.created_at timestamp with time zone not null default CURRENT_TIMESTAMP
    orders.updated_at timestamp with time zone not null default CURRENT_TIMESTAMP
    orders.version integer not null default 1
    orders.item_list json not null default '[]'::json

    order_items.id integer not null default nextval('order_items_id_seq'::regclass)
    order_items.order_id integer not null
    order_items.product_id integer not null
    order_items.quantity integer not null
    order_items.price numeric(10,2) not null
    order_items.created_at timestamp with time zone not null default CURRENT_TIMESTAMP
    order_items.product_name character varying(255)

    order_templates.id integer not null default nextval('order_templates_id_seq'::regclass)
    order_templates.user_id character varying(255) not null
    order_templates.name character varying(100)
    order_templates.items jsonb not null
    order_templates.created_at timestamp with time zone not null default CURRENT_TIMESTAMP
    order_templates.updated_at timestamp with time zone not null default CURRENT_TIMESTAMP

    order_feedback.id integer not null default nextval('order_feedback_id_seq'::regclass)
    order_feedback.order_id integer not null
    order_feedback.rating integer
    order_feedback.comment text
    order_feedback.created_at timestamp with time zone not null default CURRENT_TIMESTAMP
";

/// Their constraints. A user who has orders can't be deleted, an order takes its items along.
const CONSTRAINTS: &str = "
    users.users_pkey PRIMARY KEY (uid)
    orders.orders_pkey PRIMARY KEY (id)
    orders.orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(uid) ON DELETE RESTRICT
    orders.orders_total_amount_check CHECK ((total_amount >= (0)::numeric))
    orders.orders_delivery_fee_check CHECK ((delivery_fee >= (0)::numeric))
    orders.orders_version_check CHECK ((version > 0))
    order_items.order_items_pkey PRIMARY KEY (id)
    order_items.order_items_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders(id) ON DELETE CASCADE
    order_items.order_items_quantity_check CHECK ((quantity > 0))
    order_items.order_items_price_check CHECK ((price > (0)::numeric))
    order_templates.order_templates_pkey PRIMARY KEY (id)
    order_templates.order_templates_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(uid) ON DELETE RESTRICT
    order_feedback.order_feedback_pkey PRIMARY KEY (id)
    order_feedback.order_feedback_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders(id) ON DELETE CASCADE
    order_feedback.order_feedback_order_id_key UNIQUE (order_id)
    order_feedback.order_feedback_rating_check CHECK (((rating >= 1) AND (rating <= 5)))
";

/// The specification's indexes. There are more.
const INDEXES: &str = "
    CREATE INDEX idx_order_user_status ON public.orders USING btree (user_id, status)
    CREATE INDEX idx_order_delivery_partner ON public.orders USING btree (delivery_partner_id)
    CREATE INDEX idx_order_created_at ON public.orders USING btree (created_at)
    CREATE INDEX idx_order_items_order_id ON public.order_items USING btree (order_id)
    CREATE INDEX idx_order_feedback_order_id ON public.order_feedback USING btree (order_id)
";

/// Everything the schema consists of, a line each.
const SCHEMA: &str = "
    select format('%s %s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
      from information_schema.columns where table_schema = 'public'
    union all
    select format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
      from pg_constraint where connamespace = 'public'::regnamespace
    union all
    select indexdef from pg_indexes where schemaname = 'public'
    union all
    select pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
    union all
    select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    order by 1";

/// What a service at work has in the tables of the first migration, written as its first release does.
const DATA: &str = "
    with customer as (
        insert into users (uid, email) values ('customer', 'customer@example.com') on conflict do nothing
    ), placed as (
        insert into orders (user_id, delivery_partner_id, total_amount, delivery_fee, status, delivery_address,
                            delivered_at)
        values ('customer', 'courier', 7.99, 5.00, 'delivered', '123 Main St', now())
        returning id
    ), items as (
        insert into order_items (order_id, product_id, quantity, price, product_name)
        select id, 5, 1, 2.99, 'Apple' from placed
    ), events as (
        insert into order_events (order_id, version, type, actor_id, actor_role, data)
        select id, 1, 'placed', 'customer', 'user', '{\"status\": \"pending\"}' from placed
    ), ledger as (
        insert into payments (order_id, seq, kind, amount, status, settled_at)
        select id, 1, 'charge', 7.99, 'succeeded', now() from placed
    ), outbox as (
        insert into tasks (kind, order_id) select 'notify.status', id from placed
    ), checkout as (
        insert into checkouts (user_id, token, order_id, expires_at)
        select 'customer', 'a token', id, now() from placed on conflict do nothing
    ), templates as (
        insert into order_templates (user_id, name, items) values ('customer', 'Weekly', '[]')
    )
    insert into order_feedback (order_id, rating, comment) select id, 5, 'Fast' from placed";

/// Orders whose copy of their items isn't one.
const WITHOUT_ITS_ITEMS: &str = "
    select format('%s: %s', o.id, o.item_list) from orders o
    where o.item_list::jsonb <> (
        select coalesce(jsonb_agg(jsonb_build_array(id, product_id, quantity, price, product_name) order by id), '[]')
        from order_items where order_id = o.id)";

fn lines(table: &str) -> BTreeSet<&str> {
    table.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

async fn found(database: &mut BareDatabase, sql: &'static str) -> BTreeSet<String> {
    database.texts(sql).await.into_iter().collect()
}

async fn migrated() -> BareDatabase {
    let mut database = BareDatabase::create().await;
    database.migrate().await.expect("the migrations apply to an empty database");
    database
}

#[tokio::test]
async fn an_empty_database_gets_the_specifications_columns() {
    let found = found(
        &mut migrated().await,
        "select format('%s.%s %s', c.relname, attname, format_type(atttypid, atttypmod))
                || case when attnotnull then ' not null' else '' end
                || coalesce(' default ' || pg_get_expr(adbin, adrelid), '')
           from pg_attribute
           join pg_class c on c.oid = attrelid
           left join pg_attrdef on adrelid = attrelid and adnum = attnum
          where relnamespace = 'public'::regnamespace and attnum > 0 and not attisdropped
            and relname in ('users', 'orders', 'order_items', 'order_templates', 'order_feedback')
            and relkind = 'r'",
    )
    .await;
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), lines(COLUMNS));
}

#[tokio::test]
async fn an_empty_database_gets_the_specifications_constraints() {
    let mut database = migrated().await;
    let found = found(
        &mut database,
        "select format('%s.%s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) from pg_constraint
          where conrelid in ('users'::regclass, 'orders'::regclass, 'order_items'::regclass,
                             'order_templates'::regclass, 'order_feedback'::regclass)
            and conname <> 'orders_status_check' and contype <> 'n'",
    )
    .await;
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), lines(CONSTRAINTS));

    let sql = "select pg_get_constraintdef(oid) from pg_constraint where conname = 'orders_status_check'";
    assert_eq!(database.texts(sql).await, ["CHECK (is_order_status((status)::text))"]);
    let function =
        database.texts("select prosrc from pg_proc where proname = 'is_order_status'").await.remove(0);
    let allowed: Vec<&str> = function.split('\'').skip(1).step_by(2).collect();
    assert_eq!(allowed, STATUSES, "{function}");
}

#[tokio::test]
async fn an_empty_database_gets_the_specifications_indexes() {
    let sql = "select indexdef from pg_indexes where schemaname = 'public'";
    let found = found(&mut migrated().await, sql).await;
    for index in lines(INDEXES) {
        assert!(found.contains(index), "{index} is missing from {found:#?}");
    }
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let mut database = migrated().await;
    let applied = "select count(*)::text || max(installed_on)::text from _sqlx_migrations";
    let before = (database.texts(applied).await, database.texts(SCHEMA).await);

    database.migrate().await.unwrap();

    assert_eq!((database.texts(applied).await, database.texts(SCHEMA).await), before);
}

#[tokio::test]
async fn every_migration_applies_to_a_database_in_use() {
    let mut database = BareDatabase::create().await;
    let versions: Vec<i64> = database.migrations.iter().map(|migration| migration.version).collect();

    for (count, version) in (1..).zip(versions) {
        database.migrate_to(version).await.unwrap_or_else(|error| panic!("migration {version}: {error}"));
        // What the release before it writes must go on working: it still runs while this one is rolled out.
        database.run(DATA).await.unwrap_or_else(|error| panic!("after migration {version}: {error}"));
        let orders = "select to_jsonb(count(*)) from orders join order_events e on e.order_id = orders.id";
        assert_eq!(database.row(orders).await, count);
    }
    // Whichever release wrote an order, it has its copy of its items.
    assert_eq!(database.texts(WITHOUT_ITS_ITEMS).await, [""; 0]);
}

#[tokio::test]
async fn an_order_carries_a_copy_of_its_items_whoever_writes_them() {
    let mut database = migrated().await;
    database.run(DATA).await.unwrap();
    database.run(DATA).await.unwrap();
    let list = "select item_list::text from orders order by id";
    assert_eq!(
        database.texts(list).await,
        [r#"[[1, 5, 1, 2.99, "Apple"]]"#, r#"[[2, 5, 1, 2.99, "Apple"]]"#]
    );

    for change in [
        "update order_items set quantity = 7, price = 1.5 where id = 1",
        "update order_items set order_id = 1 where id = 2",
        "insert into order_items (order_id, product_id, quantity, price)
            select order_id, 6, 1, 2 from generate_series(1, 2) order_id, generate_series(1, 3)",
        "delete from order_items where id in (1, 3)",
        "update order_items set product_name = 'a \"quoted\" name'",
    ] {
        database.run(change).await.unwrap();
        assert_eq!(database.texts(WITHOUT_ITS_ITEMS).await, [""; 0], "{change}");
    }
    database.run("delete from order_items").await.unwrap();
    assert_eq!(database.texts(list).await, ["[]", "[]"]);
}

#[tokio::test]
async fn the_books_refuse_to_be_changed() {
    let mut database = migrated().await;
    database.run(DATA).await.unwrap();
    for sql in [
        "update order_events set actor_id = 'somebody else'",
        "delete from order_events",
        "delete from orders",
        "delete from users",
    ] {
        let error = database.run(sql).await.expect_err(sql);
        let refusal = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
        // By the history's trigger, or by a foreign key that restricts.
        assert!(matches!(refusal.as_deref(), Some("23001" | "23503")), "{sql}: {error}");
    }
}

#[tokio::test]
async fn plain_psql_comes_to_the_same() {
    plain_psql_comes_to_the_same_with(&["sh"]).await;
}

/// What `sh` is on many a system.
#[tokio::test]
async fn plain_psql_comes_to_the_same_with_bash() {
    plain_psql_comes_to_the_same_with(&["bash", "--posix"]).await;
}

async fn plain_psql_comes_to_the_same_with(shell: &[&str]) {
    let (mut by_sqlx, mut by_psql) = (migrated().await, BareDatabase::create().await);
    let migrate = || {
        let output = Command::new(shell[0])
            .args(&shell[1..])
            .arg(by_psql.root.join("deploy/migrate.sh"))
            .arg(by_psql.root.join("migrations"))
            .env("DATABASE_URL", by_psql.url.as_str())
            .output()
            .expect("the script can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().count()
    };

    assert_eq!(migrate(), by_psql.migrations.iter().count());
    assert_eq!(migrate(), 0);
    by_psql.migrate().await.expect("sqlx takes psql's entries for its own");

    assert_eq!(by_psql.texts(SCHEMA).await, by_sqlx.texts(SCHEMA).await);
    let entries =
        "select format('%s %s %s %s', version, description, success, checksum) from _sqlx_migrations";
    assert_eq!(by_psql.texts(entries).await, by_sqlx.texts(entries).await);
}

/// Constraint violations become answers by their names, so each has one that was chosen.
#[tokio::test]
async fn every_constraint_is_named() {
    let folder = BareDatabase::create().await.root.join("migrations");
    for file in fs::read_dir(folder).unwrap() {
        let (path, mut words) = (file.unwrap().path(), Vec::new());
        let text = fs::read_to_string(&path).unwrap().to_lowercase();
        for line in text.lines() {
            let code = line.split_once("--").map_or(line, |(code, _)| code);
            words.extend(code.split_whitespace().map(str::to_owned));
        }
        for (at, pair) in words.windows(2).enumerate() {
            let begins = matches!(
                [pair[0].as_str(), pair[1].split('(').next().unwrap_or_default()],
                ["primary", "key"] | ["foreign", "key"]
            ) || (matches!(pair[0].as_str(), "unique" | "check") && pair[1].starts_with('('));
            let named = at >= 2 && words[at - 2] == "constraint";
            assert!(!begins || named, "{}: `{}` has no name", path.display(), pair.join(" "));
        }
    }
}
