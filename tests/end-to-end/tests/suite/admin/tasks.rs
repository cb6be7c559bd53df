//! `GET /admin/tasks`, `POST /admin/tasks/{task_id}/retry`, and how tasks come to stand there.

use chrono::{Duration, Utc};
use end_to_end::{Answer, Person, Setup, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

async fn retries(admin: &Person<'_>, task_id: impl ToString) -> Answer {
    let path = format!("/admin/tasks/{}/retry", task_id.to_string());
    Answer::to(admin.request(Method::POST, &path)).await
}

/// Waits until the order's only task looks so.
async fn task_becomes(app: &TestApp, order_id: i64, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    app.eventually(what, async || {
        let mut tasks = app.database.tasks(order_id).await;
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        is_so(&tasks[0]).then(|| tasks.remove(0))
    })
    .await
}

#[tokio::test]
async fn an_admin_sees_what_waits_and_what_was_given_up() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let later = (Utc::now() + Duration::hours(1)).to_rfc3339();
    let waiting = app.database.add_task(order, json!({ "kind": "cart.clear", "due_at": later })).await;
    let dead = json!({ "status": "dead", "attempts": 30, "last_error": "answered 500" });
    let dead = app.database.add_task(order, dead).await;
    let list =
        async |query: &str| admin.get(&format!("/admin/tasks?order_id={order}{query}")).await.expect(200);

    let all = list("").await;

    assert_eq!(all.ids(), [dead, waiting]);
    let first = &all.json[0];
    let mut expected = json!({
        "id": dead, "kind": "notify.status", "order_id": order, "status": "dead", "attempts": 30,
        "last_error": "answered 500", "request_id": null,
    });
    for time in ["due_at", "created_at"] {
        assert!(first[time].as_str().is_some_and(|time| time.ends_with('Z')), "{first}");
        expected[time] = first[time].clone();
    }
    assert_eq!(*first, expected);
    assert_eq!(list("&status=dead").await.ids(), [dead]);
    assert_eq!(list("&status=queued").await.ids(), [waiting]);
    assert_eq!(list("&kind=cart.clear").await.ids(), [waiting]);
    assert_eq!(list("&kind=order.due").await.json, json!([]));
}

#[tokio::test]
async fn a_long_list_of_tasks_is_read_page_by_page() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let mut added = Vec::new();
    for _ in 0..5 {
        added.insert(0, app.database.add_task(order, json!({ "status": "dead" })).await);
    }

    let mut seen = Vec::new();
    let mut next = Some(format!("/admin/tasks?order_id={order}&limit=2"));
    while let Some(path) = next {
        let page = admin.get(&path).await.expect(200);
        assert!(page.ids().len() <= 2);
        seen.extend(page.ids());
        next = page.next_page();
    }

    assert_eq!(seen, added);
    let rest = admin.get(&format!("/admin/tasks?order_id={order}&offset=3")).await.expect(200);
    assert_eq!(rest.ids(), added[3..]);
}

#[tokio::test]
async fn filters_must_make_sense() {
    let app = TestApp::shared().await;
    let query = "status=done&kind=coffee&order_id=0&limit=0&offset=-1";

    let answer = app.admin().get(&format!("/admin/tasks?{query}")).await;

    answer.expect_invalid(&["status", "kind", "order_id", "limit", "offset"]);
}

#[tokio::test]
async fn a_task_that_was_given_up_is_tried_again_when_an_admin_says_so() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let later = (Utc::now() + Duration::days(1)).to_rfc3339();
    let task =
        app.database.add_task(order, json!({ "status": "dead", "attempts": 30, "due_at": later })).await;

    let retried = retries(&admin, task).await.expect(200);

    assert_eq!(retried.id(), task);
    assert_eq!((&retried.json["status"], &retried.json["attempts"]), (&json!("queued"), &json!(0)));
    assert!(retried.time("due_at") < Utc::now() + Duration::minutes(1));
    app.eventually("the customer is told", async || {
        let told = app.dependencies.notifications(&customer.id, "order-status").await;
        told.first().map(|one| assert_eq!(one["idempotency_key"], format!("task-{task}")))
    })
    .await;
    app.all_done(order).await;
    retries(&admin, task).await.expect_problem(404);
}

#[tokio::test]
async fn there_must_be_a_task_to_retry() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    for id in ["0", "-1", "+1", "01", "x", "9223372036854775807", "9223372036854775808"] {
        retries(&admin, id).await.expect_problem(404);
    }
}

#[tokio::test]
async fn a_task_that_nobody_can_read_is_in_no_others_way() {
    let app = TestApp::own(Setup::default().variable("task_max_attempts", "2")).await;
    let customer = app.customer();
    let odd = app.database.add_order(&customer.id, "confirmed", None).await;
    let other = app.database.add_order(&customer.id, "confirmed", None).await;
    app.database.add_task(odd, json!({ "payload": { "status": "teleported" } })).await;
    app.database.add_task(other, json!({})).await;

    app.all_done(other).await;

    let task = app
        .eventually("it is given up", async || {
            app.database.hasten(odd).await;
            app.database.tasks(odd).await.pop().filter(|task| task["status"] == "dead")
        })
        .await;
    assert!(task["last_error"].as_str().unwrap().contains("teleported"), "{task}");
    assert_eq!(app.dependencies.notifications(&customer.id, "order-status").await.len(), 1);
}

#[tokio::test]
async fn time_passes_for_tasks_after_redis_put_its_clock_back() {
    let app = TestApp::own(Setup::default()).await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let (hour, mut redis) = (3_600_000, app.redis());
    for lock in ["tick", "gathering"] {
        redis::cmd("SET")
            .arg(format!("{}:{lock}", app.tasks_channel()))
            .arg("1")
            .arg("PX")
            .arg(hour)
            .exec(&mut redis)
            .unwrap();
    }
    app.database.add_task(order, json!({})).await;

    app.eventually("the task is done", async || {
        customer.get("/orders/my-orders").await.expect(200);
        app.database.tasks(order).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_task_that_is_being_worked_on_is_not_handed_out_again() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let (now, later) = (Utc::now(), Utc::now() + Duration::hours(1));
    let claimed = json!({ "claimed_at": now.to_rfc3339(), "due_at": later.to_rfc3339(), "attempts": 1 });
    let task = app.database.add_task(order, claimed).await;
    let before = app.database.tasks(order).await;

    retries(&admin, task).await.expect_retry_after(409);

    assert_eq!(app.database.tasks(order).await, before);
}

#[tokio::test]
async fn a_scheduled_order_does_not_come_due_before_its_time() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let next_week = (Utc::now() + Duration::days(7)).to_rfc3339();
    let due = json!({ "kind": "order.due", "payload": {}, "due_at": next_week });
    let task = app.database.add_task(order, due).await;
    let before = app.database.tasks(order).await;

    retries(&admin, task).await.expect_problem(409);

    assert_eq!(app.database.tasks(order).await, before);
}

#[tokio::test]
async fn that_a_payment_was_asked_for_is_not_forgotten() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    customer.suffers("payment", "status:500").await;
    let order = customer.places_an_order().await.expect(202).id();
    let put_off = "update tasks set attempts = 5, due_at = now() + interval '1 hour' where order_id =";
    app.database.tamper(&format!("{put_off} {order}")).await;
    let task = app.database.tasks(order).await.remove(0);

    let retried = retries(&admin, &task["id"]).await.expect(200);

    assert_eq!(retried.json["attempts"], 1);
}

#[tokio::test]
async fn money_does_not_wait_behind_messages() {
    let app = TestApp::own(Setup::default()).await;
    let (customer, slow) = (app.customer(), app.customer());
    slow.suffers("notification", "slow:1500").await;
    let order = customer.places_an_order().await.expect(201).id();
    app.all_done(order).await;
    let messages = app.database.add_order(&slow.id, "confirmed", None).await;
    let many = "insert into tasks (order_id, kind, payload, due_at)
        select %, 'notify.status', '{\"status\": \"confirmed\"}', now() - interval '1 minute' from generate_series(1, 400)";
    app.database.tamper(&many.replace('%', &messages.to_string())).await;

    customer.post(&format!("/orders/{order}/cancel"), &json!({})).await.expect(200);

    app.eventually("the money is paid back", async || {
        let books = app.dependencies.books(order).await;
        (books["refunds"] != json!([])).then_some(())
    })
    .await;
    assert!(app.database.tasks(messages).await.len() > 200);
}

#[tokio::test]
async fn a_task_that_fails_too_often_is_given_up() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("notification", "status:500").await;
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    app.database.add_task(order, json!({ "attempts": 29 })).await;

    let task = task_becomes(&app, order, "the task is given up", |task| task["status"] == "dead").await;

    assert_eq!(task["attempts"], 30);
    assert!(task["last_error"].as_str().is_some_and(|error| error.contains("500")), "{task}");
}

#[tokio::test]
async fn a_task_that_moves_money_is_never_given_up() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("payment", "status:500").await;
    let order = customer.places_an_order().await.expect(202).id();
    let often = "update tasks set attempts = 40, due_at = now() where kind = 'payment.settle' and order_id =";
    app.database.tamper(&format!("{often} {order}")).await;

    let is_put_off = |task: &Value| task["attempts"].as_i64() > Some(40) && task["claimed_at"].is_null();
    let task = task_becomes(&app, order, "the task is put off", is_put_off).await;

    assert_eq!(task["status"], "queued");
    customer.is_fine_again().await;
    app.all_done(order).await;
    assert_eq!(app.database.order(order).await["status"], "confirmed");
}

#[tokio::test]
async fn what_a_dead_worker_left_behind_another_does() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for attempts in [1, 7] {
        let order = app.database.add_order(&customer.id, "confirmed", None).await;
        let long_ago = (Utc::now() - Duration::hours(1)).to_rfc3339();
        app.database.add_task(order, json!({ "claimed_at": long_ago, "attempts": attempts })).await;

        app.all_done(order).await;
    }
    assert_eq!(app.dependencies.notifications(&customer.id, "order-status").await.len(), 2);
}

#[tokio::test]
async fn what_every_worker_dies_of_is_given_up_untried() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let long_ago = (Utc::now() - Duration::hours(1)).to_rfc3339();
    app.database.add_task(order, json!({ "claimed_at": long_ago, "attempts": 30 })).await;

    task_becomes(&app, order, "the task is given up", |task| task["status"] == "dead").await;

    assert_eq!(app.dependencies.calls(&customer.id, "/notifications").await, Vec::<Value>::new());
}
