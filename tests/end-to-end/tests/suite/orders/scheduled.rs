//! `POST /orders/scheduled`.

use chrono::{Duration, Utc};
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
