//! `POST /orders/scheduled`.

use chrono::{DateTime, Duration, Utc};
use end_to_end::{Answer, Person, TestApp, an_order};
use serde_json::{Value, json};

async fn schedules(person: &Person<'_>, scheduled_for: impl Into<Value>) -> Answer {
    let mut body = an_order();
    body["scheduled_for"] = scheduled_for.into();
    person.post("/orders/scheduled", &body).await
}

#[tokio::test]
async fn a_scheduled_order_is_paid_now_and_delivered_then() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let when = Utc::now() + Duration::hours(26);

    let order = schedules(&customer, when.to_rfc3339()).await.expect(201);

    assert_eq!(order.header("location"), format!("/orders/{}", order.id()));
    assert!((order.time("scheduled_for") - when).abs() < Duration::milliseconds(1));
    assert_eq!(order.time("estimated_delivery_time"), order.time("scheduled_for"));
    assert_eq!(order.json["status"], "confirmed");
    assert_eq!(order.raw("/total_amount"), "25.97");
    assert_eq!(customer.reads_order(order.id()).await.expect(200).json, order.json);
    let stored = app.database.order(order.id()).await;
    assert_eq!(stored["scheduled_for"], stored["estimated_delivery_time"]);
    let books = app.dependencies.books(order.id()).await;
    assert_eq!(books["charges"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn here_a_time_is_required() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    customer.post("/orders/scheduled", &an_order()).await.expect_invalid(&["/scheduled_for"]);
    schedules(&customer, Value::Null).await.expect_invalid(&["/scheduled_for"]);
    for wrong in [json!(""), json!("tomorrow"), json!("2026-01-02"), json!(1_900_000_000), json!(["now"])] {
        schedules(&customer, wrong).await.expect_invalid(&["/scheduled_for"]);
    }
    let nothing = json!({ "scheduled_for": "never" });
    let pointers = ["/delivery_address", "/scheduled_for"];
    customer.post("/orders/scheduled", &nothing).await.expect_invalid(&pointers);
    customer.post("/orders/scheduled", &json!({})).await.expect_invalid(&pointers);
    assert_eq!(app.database.orders_of(&customer.id).await, Vec::<Value>::new());
}

#[tokio::test]
async fn half_an_hour_to_thirty_days_ahead() {
    let app = TestApp::shared().await;
    let (soon, late) = (Duration::minutes(30), Duration::days(30));
    let moment = Duration::seconds(20);
    for path in ["/orders/scheduled", "/orders"] {
        for (ahead, expected) in [
            (soon - moment, 422),
            (soon + moment, 201),
            (late - moment, 201),
            (late + moment, 422),
            (-late, 422),
        ] {
            let customer = app.customer();
            let mut body = an_order();
            body["scheduled_for"] = json!((Utc::now() + ahead).to_rfc3339());

            let answer = customer.post(path, &body).await;

            if expected == 201 {
                let order = answer.expect(201);
                assert_eq!(order.time("estimated_delivery_time"), order.time("scheduled_for"), "{ahead}");
            } else {
                answer.expect_invalid(&["/scheduled_for"]);
            }
            let orders = app.database.orders_of(&customer.id).await;
            assert_eq!(orders.len(), usize::from(expected == 201), "{ahead}");
        }
    }
}

/// The events of an order by their types.
async fn kinds(app: &TestApp, order_id: i64) -> Vec<String> {
    let history = app.database.history(order_id).await;
    history.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_hour_before_its_time_an_order_is_due_and_the_customer_told() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let when = Utc::now() + Duration::hours(26);
    let order = schedules(&customer, when.to_rfc3339()).await.expect(201);
    let tasks = app.database.tasks(order.id()).await;
    let task = tasks.iter().find(|task| task["kind"] == "order.due").unwrap();
    let due_at: DateTime<Utc> = task["due_at"].as_str().unwrap().parse().unwrap();
    assert!((when - Duration::hours(1) - due_at).abs() < Duration::milliseconds(1));
    let mut stream = customer.follows(order.id()).await;
    assert_eq!(stream.next().await.unwrap().1, 2);

    app.all_done(order.id()).await;

    assert_eq!(kinds(&app, order.id()).await, ["placed", "status", "order.due"]);
    let (name, version, event) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), version), ("order.due", 3));
    assert_eq!(event["data"], json!({ "scheduled_for": order.json["scheduled_for"] }));
    let pushes = app.dependencies.notifications(&customer.id, "order-status").await;
    assert_eq!(pushes.len(), 2, "confirmed, and due");
    for push in &pushes {
        let body = json!({ "user_id": customer.id, "order_id": order.id(), "status": "confirmed" });
        assert_eq!(push["body"], body);
    }
    assert_ne!(pushes[0]["idempotency_key"], pushes[1]["idempotency_key"]);
}

#[tokio::test]
async fn an_order_for_sooner_than_that_is_due_at_once() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let soon = Utc::now() + Duration::minutes(40);

    let order = schedules(&customer, soon.to_rfc3339()).await.expect(201);

    app.eventually("the order is due", async || {
        kinds(&app, order.id()).await.contains(&"order.due".to_owned()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_order_given_up_or_begun_before_its_time_never_is() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let when = (Utc::now() + Duration::hours(26)).to_rfc3339();
    let given_up = schedules(&customer, when.clone()).await.expect(201).id();
    customer.has_in_cart(&[(5, 1)]).await;
    let begun = schedules(&customer, when).await.expect(201).id();
    customer.cancels(given_up).await.expect(200);
    admin.walks(begun, &["preparing"]).await;

    for order in [given_up, begun] {
        app.all_done(order).await;
        assert_eq!(kinds(&app, order).await, ["placed", "status", "status"]);
    }
}

#[tokio::test]
async fn an_order_is_not_due_before_it_is_paid() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("payment", "status:500").await;
    let soon = Utc::now() + Duration::minutes(40);
    let order = schedules(&customer, soon.to_rfc3339()).await.expect(202);
    app.eventually("its time was looked at", async || {
        let tasks = app.database.tasks(order.id()).await;
        let task = tasks.iter().find(|task| task["kind"] == "order.due").unwrap();
        (task["due_at"].as_str() > task["created_at"].as_str() && task["claimed_at"].is_null()).then_some(())
    })
    .await;
    assert_eq!(kinds(&app, order.id()).await, ["placed"]);

    customer.is_fine_again().await;
    app.all_done(order.id()).await;

    assert_eq!(kinds(&app, order.id()).await, ["placed", "status", "order.due"]);
}
