//! What customers are told, and that they are told once.

use chrono::{TimeDelta, Utc};
use end_to_end::{Answer, Person, TestApp, an_order};
use reqwest::Method;
use serde_json::{Value, json};

fn keys(notifications: &[Value]) -> Vec<&str> {
    let mut keys: Vec<_> = notifications.iter().filter_map(|one| one["idempotency_key"].as_str()).collect();
    assert_eq!(keys.len(), notifications.len(), "each has a key: {notifications:?}");
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[tokio::test]
async fn a_confirmed_order_is_mailed_and_pushed() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let request = customer.request(Method::POST, "/orders").header("x-request-id", "click-43");
    let order = Answer::to(request.json(&an_order())).await.expect(201);

    app.all_done(order.id()).await;

    let mails = app.dependencies.notifications(&customer.id, "order-confirmation").await;
    assert_eq!(mails.len(), 1);
    assert_eq!(
        mails[0]["body"],
        json!({
            "user_id": customer.id,
            "email": customer.email(),
            "order_id": order.id(),
            "total_amount": 25.97,
        })
    );
    let pushes = app.dependencies.notifications(&customer.id, "order-status").await;
    assert_eq!(pushes.len(), 1);
    assert_eq!(
        pushes[0]["body"],
        json!({ "user_id": customer.id, "order_id": order.id(), "status": "confirmed" })
    );
    assert_ne!(keys(&mails), keys(&pushes));
    for notification in mails.iter().chain(&pushes) {
        assert_eq!(notification["request_id"], "click-43");
    }
}

#[tokio::test]
async fn a_notification_that_fails_is_sent_again() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for mode in ["status:500", "drop"] {
        customer.suffers_once("notification", mode).await;
    }

    let order = customer.places_an_order().await.expect(201);
    app.all_done(order.id()).await;

    for kind in ["order-confirmation", "order-status"] {
        assert_eq!(app.dependencies.notifications(&customer.id, kind).await.len(), 1, "{kind}");
    }
    assert!(app.dependencies.calls(&customer.id, "/notifications").await.len() >= 4);
}

#[tokio::test]
async fn a_notification_sent_again_has_the_same_key() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    // Accepted, but the service never hears of it.
    let path = "/notifications/order-confirmation";
    for mode in ["drop_after", "slow:4000"] {
        let fault = json!({
            "service": "notification", "user_id": customer.id, "path": path, "mode": mode, "times": 1,
        });
        app.dependencies.fail(fault).await;
    }

    let order = customer.places_an_order().await.expect(201);
    app.all_done(order.id()).await;

    let mails = app.dependencies.notifications(&customer.id, "order-confirmation").await;
    assert_eq!(mails.len(), 3);
    assert_eq!(keys(&mails).len(), 1, "{mails:?}");
}

/// The statuses that a customer was told, one after another.
async fn pushed(app: &TestApp, customer: &Person<'_>) -> Vec<String> {
    let pushes = app.dependencies.notifications(&customer.id, "order-status").await;
    pushes.iter().map(|push| push["body"]["status"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pushes_of_one_order_arrive_in_order() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "delivered", None).await;
    let fault =
        json!({ "service": "notification", "user_id": customer.id, "mode": "status:500", "times": 1 });
    app.dependencies.fail(fault).await;

    let written = format!(
        "insert into tasks (kind, order_id, payload) select 'notify.status', {order}, jsonb_build_object('status', status)
        from unnest(array['confirmed', 'preparing', 'out_for_delivery', 'delivered']) with ordinality s (status, n) order by n"
    );
    app.database.tamper(&written).await;
    app.all_done(order).await;

    assert_eq!(pushed(&app, &customer).await, ["confirmed", "preparing", "out_for_delivery", "delivered"]);
}

#[tokio::test]
async fn a_push_waits_for_the_one_before_it_however_long() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "delivered", None).await;
    let in_an_hour = Utc::now() + TimeDelta::hours(1);
    let failing = json!({ "payload": { "status": "preparing" }, "attempts": 9, "due_at": in_an_hour });
    app.database.add_task(order, failing).await;

    app.database.add_task(order, json!({ "payload": { "status": "delivered" } })).await;
    app.eventually("the later push is put off as long", async || {
        let tasks = app.database.tasks(order).await;
        (tasks.len() == 2 && tasks[0]["due_at"] == tasks[1]["due_at"]).then_some(())
    })
    .await;
    assert_eq!(app.dependencies.notifications(&customer.id, "order-status").await, Vec::<Value>::new());

    app.all_done(order).await;
    assert_eq!(pushed(&app, &customer).await, ["preparing", "delivered"]);
}

#[tokio::test]
async fn a_push_waits_for_one_before_it_that_is_done_alone() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "delivered", None).await;
    // Its workers may have died of it.
    let long_ago = Utc::now() - TimeDelta::hours(1);
    let suspect = json!({
        "payload": { "status": "preparing" }, "attempts": 4, "due_at": long_ago, "claimed_at": long_ago,
    });
    app.database.add_task(order, suspect).await;
    app.database.add_task(order, json!({ "payload": { "status": "delivered" } })).await;

    app.all_done(order).await;

    assert_eq!(pushed(&app, &customer).await, ["preparing", "delivered"]);
}

#[tokio::test]
async fn a_cart_that_could_not_be_cleared_is_cleared_later() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let path = format!("/api/v1/cart/{}/clear", customer.id);
    let fault = json!({ "service": "cart", "path": path, "mode": "status:500", "times": 2 });
    app.dependencies.fail(fault).await;

    let order = customer.places_an_order().await.expect(201);
    app.all_done(order.id()).await;

    assert_eq!(app.dependencies.cart(&customer.id).await, Vec::<Value>::new());
    assert_eq!(app.database.orders_of(&customer.id).await.len(), 1);
}

#[tokio::test]
async fn a_cancelled_order_is_never_confirmed_to_anyone() {
    let app = TestApp::shared().await;
    let customer: Person = app.customer();
    customer.suffers("payment", "decline").await;
    customer.places_an_order().await.expect_problem(402);
    let orders = app.database.orders_of(&customer.id).await;

    app.all_done(orders[0]["id"].as_i64().unwrap()).await;

    assert_eq!(app.dependencies.notifications(&customer.id, "order-confirmation").await, Vec::<Value>::new());
}
