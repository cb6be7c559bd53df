//! `allowed_actions`: what an answer offers is what works, and nothing else does.

use end_to_end::{Answer, Person, TestApp};
use serde_json::{Value, json};

/// Each status and the one that ordinarily follows.
const WAY: [(&str, &str); 10] = [
    ("pending", "confirmed"),
    ("confirmed", "preparing"),
    ("preparing", "out_for_delivery"),
    ("out_for_delivery", "delivered"),
    ("delivered", "return_requested"),
    ("return_requested", "return_approved"),
    ("return_approved", "picked_up"),
    ("picked_up", "refunded"),
    ("refunded", "pending"),
    ("cancelled", "pending"),
];

const ACTIONS: [&str; 7] = [
    "modify_items",
    "cancel",
    "update_status",
    "assign_delivery",
    "update_location",
    "request_return",
    "submit_feedback",
];

async fn tries(person: &Person<'_>, action: &str, id: i64, next_status: &str) -> Answer {
    match action {
        "modify_items" => {
            let items = json!({ "items": [{ "product_id": 5, "quantity": 2 }] });
            person.put(&format!("/orders/{id}/items"), &items).await
        }
        "cancel" => person.cancels(id).await,
        "update_status" => person.sets_status(id, next_status).await,
        "assign_delivery" => person.assigns(id, "456").await,
        "update_location" => person.reports_location(id, &json!({ "latitude": 1, "longitude": 2 })).await,
        "request_return" => person.requests_return(id).await,
        "submit_feedback" => person.rates(id, &json!({ "rating": 4 })).await,
        other => panic!("{other} is no action"),
    }
}

async fn are_those_that_work(app: &TestApp, person: &Person<'_>, owner_id: &str, courier_id: Option<&str>) {
    for (status, next_status) in WAY {
        for action in ACTIONS {
            let id = app.database.add_order(owner_id, status, courier_id).await;
            if status == "pending" {
                app.database.add_charge(id).await;
            }
            let offered = person.reads_order(id).await.expect(200).json["allowed_actions"].clone();
            let is_offered = offered.as_array().unwrap().contains(&Value::from(action));

            let answer = tries(person, action, id, next_status).await;

            let worked = answer.status < 300;
            assert_eq!(worked, is_offered, "{action} of {status}: {}", answer.text);
            assert!(worked || [403, 409].contains(&answer.status), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn the_owner_is_offered_what_works() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    are_those_that_work(&app, &customer, &customer.id, None).await;
}

#[tokio::test]
async fn the_orders_courier_is_offered_what_works() {
    let app = TestApp::shared().await;
    let courier = app.courier();
    are_those_that_work(&app, &courier, &app.customer().id, Some(&courier.id)).await;
}

#[tokio::test]
async fn a_courier_who_ordered_is_offered_what_works() {
    let app = TestApp::shared().await;
    let courier = app.courier();
    are_those_that_work(&app, &courier, &courier.id, Some("another")).await;
    are_those_that_work(&app, &courier, &courier.id, Some(&courier.id)).await;
}

#[tokio::test]
async fn an_admin_is_offered_what_works() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    are_those_that_work(&app, &admin, &app.customer().id, None).await;
    are_those_that_work(&app, &admin, &admin.id, None).await;
}
