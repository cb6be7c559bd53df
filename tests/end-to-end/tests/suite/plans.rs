//! How Postgres carries out what requests ask for: by indexes, however many orders there are.

use end_to_end::{Setup, TestApp};

use crate::roles::{self, Asker};

/// Enough for an index to be worth its while.
const ORDERS: u32 = 50_000;

/// The tables that grow with the orders.
const BIG: [&str; 9] = [
    "idempotency_keys",
    "order_events",
    "order_feedback",
    "order_items",
    "order_templates",
    "orders",
    "payments",
    "tasks",
    "users",
];

/// What gathers while the notification service is down. That of the last order is due first.
const LONG_QUEUE: &str = "insert into tasks (kind, order_id, payload, due_at)
    select 'notify.status', id, '{\"status\": \"delivered\"}', now() - id * interval '1 second'
    from generate_series(1, 20000) id";
const FIRST_OF_LONG_QUEUE: i64 = 20_000;

/// Statements that have to read most of a table, by a piece of them.
const REPORTS: [(&str, &str); 5] = [
    ("as total_spent", "the customers who spent most are known when all orders are added up"),
    (
        "csv_cell(id::text)",
        "Postgres thinks the cells' functions dear; the JSON of the same orders is looked at",
    ),
    ("as on_time_count", "without a period all deliveries are looked at"),
    ("as cancelled_orders", "the last 30 days are a third of the orders here"),
    ("as order_tasks_queued", "the whole queue is counted, once for each scrape"),
];

#[tokio::test]
async fn no_statement_of_a_request_reads_a_big_table_from_end_to_end() {
    let app = TestApp::own(Setup::default().explained_with_orders(ORDERS)).await;

    for row in roles::table() {
        for asker in [Asker::Owner, Asker::Courier, Asker::Admin] {
            roles::ask(&app, &row, asker).await;
        }
    }
    ask_for_lists(&app).await;
    let order = app.customer().places_an_order().await.expect(201);
    app.all_done(order.id()).await;
    app.database.execute(LONG_QUEUE).await;
    app.database.execute("analyze tasks").await;
    app.eventually("the first of the long queue is done", async || {
        let tasks = app.database.tasks(FIRST_OF_LONG_QUEUE).await;
        tasks.iter().all(|task| task["kind"] != "notify.status").then_some(())
    })
    .await;

    let plans = app.plans();
    for what in [
        "insert into orders",
        "update orders",
        "from tasks",
        "from order_templates",
        "csv_cell",
        "order_document",
    ] {
        assert!(plans.iter().any(|plan| plan.statement.contains(what)), "no plan was logged: {what}");
    }
    let faults: Vec<_> = plans
        .iter()
        .filter(|plan| plan.scanned_tables().iter().any(|table| BIG.contains(table)))
        .filter(|plan| !REPORTS.iter().any(|(piece, _)| plan.statement.contains(piece)))
        .map(|plan| format!("{:?}: {}", plan.scanned_tables(), plan.statement))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Every filter and every way to a page far from the first.
async fn ask_for_lists(app: &TestApp) {
    let admin = app.admin();
    for filter in [
        "status=delivered",
        "user_id=7",
        "delivery_partner_id=courier-7",
        "created_from=2026-01-01T00:00:00Z",
        "created_to=2100-01-01T00:00:00Z",
        "status=delivered&delivery_partner_id=courier-7",
    ] {
        for path in ["/orders", "/orders/export"] {
            for format in ["format=csv", "format=json"] {
                let answer = admin.get(&format!("{path}?{filter}&{format}")).await;
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
        }
        let first = admin.get(&format!("/orders?{filter}")).await.expect(200);
        if let Some(next) = first.next_page() {
            admin.get(&next).await.expect(200);
        }
    }
    admin.get("/orders?offset=1000").await.expect(200);
}
