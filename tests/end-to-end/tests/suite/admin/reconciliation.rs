//! `GET /admin/reconciliation`: rows are broken by hand, and are repaired or reported.

use end_to_end::{Answer, Person, Setup, TestApp};
use serde_json::{Value, json};

/// An application of the test's own: the others' orders have findings of their own.
async fn app() -> TestApp {
    TestApp::own(Setup::default().variable("reconcile_interval_seconds", "1")).await
}

async fn reads(admin: &Person<'_>) -> Answer {
    admin.get("/admin/reconciliation").await.expect(200)
}

/// Kinds and orders of a list of findings.
fn outline(findings: &Value) -> Vec<(String, i64)> {
    let of = |one: &Value| (one["kind"].as_str().unwrap().to_owned(), one["order_id"].as_i64().unwrap());
    findings.as_array().unwrap().iter().map(of).collect()
}

/// Waits until an order stands in that list of the report.
async fn stands(app: &TestApp, list: &str, kind: &str, order_id: i64) -> Value {
    let admin = app.admin();
    app.eventually(&format!("{kind} of order {order_id} in {list}"), async || {
        let report = reads(&admin).await;
        let at = outline(&report.json[list]).iter().position(|one| *one == (kind.to_owned(), order_id));
        at.map(|at| report.json[list][at].clone())
    })
    .await
}

/// An order that is as it should be.
async fn place(app: &TestApp) -> i64 {
    let id = app.customer().places_an_order().await.expect(201).id();
    app.all_done(id).await;
    id
}

#[tokio::test]
async fn what_can_be_repaired_is_repaired() {
    let app = app().await;
    let customer = app.customer();

    // A payment whose task was lost.
    customer.suffers("payment", "status:500").await;
    let forgotten = customer.places_an_order().await.expect(202).id();
    app.database.tamper(&format!("delete from tasks where order_id = {forgotten}")).await;
    let long_ago = "update payments set created_at = now() - interval '3 minutes' where order_id =";
    app.database.tamper(&format!("{long_ago} {forgotten}")).await;
    customer.is_fine_again().await;
    let repaired = stands(&app, "repairs", "payment_forgotten", forgotten).await;
    assert!(repaired["repaired_at"].as_str() >= repaired["since"].as_str(), "{repaired}");
    app.all_done(forgotten).await;
    assert_eq!(app.database.order(forgotten).await["status"], "confirmed");
    assert_eq!(app.dependencies.books(forgotten).await["charges"].as_array().map(Vec::len), Some(1));

    // An order that was cancelled without its money going back.
    let owed = place(&app).await;
    app.database.set_status(owed, "cancelled").await;
    stands(&app, "repairs", "refund_missing", owed).await;
    app.all_done(owed).await;
    let books = app.dependencies.books(owed).await;
    assert_eq!(books["refunds"].as_array().map(Vec::len), Some(1), "{books}");
    assert_eq!(books["refunds"][0]["amount"], books["charges"][0]["amount"]);

    // An order that nobody charges.
    let waiter = app.customer();
    let never = app.database.add_order(&waiter.id, "pending", None).await;
    let long_ago = "update orders set created_at = now() - interval '11 minutes' where id =";
    app.database.tamper(&format!("{long_ago} {never}")).await;
    stands(&app, "repairs", "never_charged", never).await;
    let history = app.database.history(never).await;
    assert_eq!(history[1]["data"], json!({ "status": "cancelled", "reason": "never_charged" }));
    app.all_done(never).await;
    assert_eq!(app.dependencies.notifications(&waiter.id, "order-status").await.len(), 1);

    // A copy of items that isn't one.
    let odd = place(&app).await;
    app.database.tamper(&format!("update orders set item_list = '[]' where id = {odd}")).await;
    stands(&app, "repairs", "wrong_items", odd).await;
    let items = app.admin().reads_order(odd).await.expect(200).json["items"].take();
    assert_eq!(items.as_array().map(Vec::len), Some(app.database.items(odd).await.len()));

    // A checkout that nobody ended.
    let left = place(&app).await;
    let checkout = "insert into checkouts (user_id, token, order_id, expires_at)
        select user_id, 'x', id, now() - interval '1 hour' from orders where id =";
    app.database.tamper(&format!("{checkout} {left}")).await;
    stands(&app, "repairs", "checkout_left", left).await;

    let report = reads(&app.admin()).await;
    assert_eq!(report.json["findings"], json!([]));
    assert!(app.log().contains("the books were repaired"));
}

#[tokio::test]
async fn a_copy_that_is_mended_while_the_items_change_is_of_the_new_ones() {
    let app = TestApp::shared().await;
    let id = place(&app).await;
    let change = format!("update order_items set quantity = 7 where order_id = {id}");
    let mending = format!("select copy_items_anew(array[{id}])");

    app.database.overtaking(&change, app.database.tamper(&mending)).await;

    let items = app.admin().reads_order(id).await.expect(200).json["items"].take();
    assert!(items.as_array().unwrap().iter().all(|item| item["quantity"] == 7), "{items}");
}

#[tokio::test]
async fn what_cannot_be_repaired_is_reported_until_it_is_right() {
    let app = app().await;
    let customer = app.customer();
    customer.suffers("payment", "status:500").await;
    let stuck = customer.places_an_order().await.expect(202).id();
    let unpaid = app.database.add_order(&customer.id, "confirmed", None).await;
    let [total, balance, gap, dead, failing, overdue] = [
        place(&app).await,
        place(&app).await,
        place(&app).await,
        place(&app).await,
        place(&app).await,
        place(&app).await,
    ];
    app.database.add_task(dead, json!({ "status": "dead", "last_error": "answered 500" })).await;
    for sql in [
        format!("update orders set created_at = now() - interval '11 minutes' where id = {stuck}"),
        format!("update order_items set price = price + 1 where order_id = {total}"),
        format!("update orders set total_amount = total_amount + 1, delivery_fee = 6 where id = {balance}"),
        format!("update orders set version = version + 1 where id = {gap}"),
        format!(
            "insert into tasks (kind, order_id, payload, attempts, due_at)
             values ('payment.refund', {failing}, '{{\"seq\": 7}}', 30, now() + interval '1 hour')"
        ),
        // Of a kind that only a later version knows how to do.
        format!(
            "insert into tasks (kind, order_id, due_at) values ('tea.make', {overdue}, now() - interval '1 hour')"
        ),
    ] {
        app.database.tamper(&sql).await;
    }

    let mut expected = vec![
        ("stuck_pending", stuck),
        ("unpaid", unpaid),
        ("wrong_total", total),
        ("wrong_balance", balance),
        ("history_gap", gap),
        ("task_given_up", dead),
        ("task_failing", failing),
        ("task_overdue", overdue),
    ];
    for (kind, order) in &expected {
        stands(&app, "findings", kind, *order).await;
    }

    let report = reads(&app.admin()).await;
    let found = outline(&report.json["findings"]);
    let mut sorted: Vec<_> = found.iter().map(|(kind, order)| (kind.as_str(), *order)).collect();
    sorted.sort_unstable();
    expected.sort_unstable();
    assert_eq!(sorted, expected, "nothing else is wrong");
    let counts = report.json["counts"].as_object().unwrap();
    assert!(counts.len() == expected.len() && counts.values().all(|count| count == 1), "{counts:?}");
    let metrics = app.get("/metrics").await;
    assert!(
        metrics.text.contains("order_reconciliation_findings{kind=\"wrong_total\"} 1\n"),
        "{}",
        metrics.text
    );
    report.time("started_at");
    report.time("checked_until");
    assert_eq!(app.log().matches("\"kind\":\"wrong_total\"").count(), 1, "what is new is told once");

    // What was mended by hand is forgotten.
    app.database.tamper(&format!("update order_items set price = price - 1 where order_id = {total}")).await;
    let admin = app.admin();
    app.eventually("the finding is gone", async || {
        let findings = outline(&reads(&admin).await.json["findings"]);
        (!findings.contains(&("wrong_total".to_owned(), total))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nothing_is_wrong_with_orders_that_went_their_ordinary_ways() {
    let app = app().await;
    let (customer, admin) = (app.customer(), app.admin());
    let changed = customer.places_an_order().await.expect(201).id();
    for quantity in [1, 9] {
        let items = json!({ "items": [{ "product_id": 5, "quantity": quantity }] });
        customer.put(&format!("/orders/{changed}/items"), &items).await.expect(200);
    }
    let (cancelled, returned) = (place(&app).await, place(&app).await);
    admin.cancels(cancelled).await.expect(200);
    let way = ["preparing", "out_for_delivery", "delivered", "return_requested", "return_approved"];
    admin.walks(returned, &way).await;
    admin.walks(returned, &["picked_up", "refunded"]).await;
    let declined = app.customer();
    declined.suffers("payment", "decline").await;
    declined.places_an_order().await.expect_problem(402);
    let last = place(&app).await;
    for order in [changed, cancelled, returned] {
        app.all_done(order).await;
    }

    // Once the walk through all orders has come past the last, all have been looked at.
    app.database.tamper("update reconciliation set walked_to = 0").await;
    app.eventually("all orders have been looked at", async || {
        (app.database.reconciliation().await["walked_to"].as_i64() >= Some(last)).then_some(())
    })
    .await;

    let report = reads(&admin).await;
    assert_eq!((&report.json["findings"], &report.json["repairs"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn one_replica_at_a_time_goes_through_the_books() {
    let app = app().await;
    let begun = |row: &Value| row["started_at"].as_str().map(str::to_owned);
    // Another one has just begun.
    let lease = "update reconciliation set started_at = null, leased_until = now() + interval '1 hour'";
    app.database.tamper(lease).await;

    // The tasks of the second order are done after whatever followed those of the first.
    place(&app).await;
    place(&app).await;
    assert_eq!(begun(&app.database.reconciliation().await), None);

    app.database.tamper("update reconciliation set leased_until = now()").await;
    app.eventually("the next run begins", async || begun(&app.database.reconciliation().await)).await;
}

#[tokio::test]
async fn the_report_is_as_long_as_asked_for() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    for limit in ["0", "1001", "x"] {
        admin.get(&format!("/admin/reconciliation?limit={limit}")).await.expect_invalid(&["limit"]);
    }
    let report = admin.get("/admin/reconciliation?limit=1").await.expect(200);
    assert!(report.json["findings"].as_array().is_some_and(|list| list.len() <= 1));
}

#[tokio::test]
async fn many_findings_of_one_kind_hide_none_of_another() {
    let app = app().await;
    // Nothing was ever paid for these.
    app.database.add_orders(&app.customer().id, 1_100).await;
    app.eventually("as many are found as are kept", async || {
        let unpaid = app.database.findings("unpaid").await;
        assert!(unpaid <= 500);
        (unpaid == 500).then_some(())
    })
    .await;

    let owed = place(&app).await;
    app.database.set_status(owed, "cancelled").await;

    stands(&app, "repairs", "refund_missing", owed).await;
}
