//! The specification's examples, each sent for real and its answer compared field by field.
//!
//! What was decided since counts: ids of people are strings, times are in UTC and say so, amounts of
//! money have two decimals. An answer may have more fields than the example, never fewer.

use chrono::{DateTime, Duration, Utc};
use end_to_end::{Answer, Person, TestApp};
use serde_json::{Value, json};

const DELIVERY: &str = r#"{
    "delivery_address": "123 Main St, City, State 12345",
    "delivery_latitude": "40.7128",
    "delivery_longitude": "-74.0060"
}"#;

const ORDER: &str = r#"{
    "id": 1,
    "user_id": 123,
    "total_amount": 25.97,
    "delivery_fee": 5.00,
    "status": "confirmed",
    "delivery_address": "123 Main St, City, State 12345",
    "delivery_latitude": "40.7128",
    "delivery_longitude": "-74.0060",
    "estimated_delivery_time": "2023-01-01T13:30:00Z",
    "delivered_at": null,
    "cancelled_at": null,
    "scheduled_for": null,
    "created_at": "2023-01-01T13:00:00Z",
    "items": [
        {
            "id": 1,
            "product_id": 5,
            "quantity": 2,
            "price": 2.99,
            "product": {
                "id": 5,
                "name": "Apple",
                "description": "Fresh red apples",
                "price": 2.99,
                "mrp": 3.99,
                "category_id": 1,
                "image_url": "https://example.com/apple.jpg",
                "stock_quantity": 100,
                "unit": "kg",
                "is_active": true,
                "created_at": "2023-01-01T00:00:00Z"
            }
        }
    ]
}"#;

const CANCELLED: &str = r#"{
    "success": true,
    "message": "Order cancelled successfully",
    "refund_initiated": true
}"#;

const LOCATION: &str = r#"{
    "order_id": 1,
    "latitude": "40.7128",
    "longitude": "-74.0060",
    "last_updated": "2023-01-01T13:25:00Z"
}"#;

const ITEMS: &str = r#"{
    "items": [
        {"product_id": 5, "quantity": 3},
        {"product_id": 8, "quantity": 1}
    ]
}"#;

const TEMPLATE: &str = r#"{
    "name": "Weekly Grocery Pack",
    "items": [
        {"product_id": 5, "quantity": 2},
        {"product_id": 8, "quantity": 1}
    ]
}"#;

const FEEDBACK: &str = r#"{
    "rating": 5,
    "comment": "Fast delivery!"
}"#;

/// Fields whose values are an example's own, not the service's to repeat.
const VARYING: [&str; 4] = ["id", "order_id", "image_url", "stock_quantity"];

fn example(text: &str) -> Value {
    serde_json::from_str(text).expect("the specification's examples are JSON")
}

/// The example of an order in that status.
fn order(status: &str, delivered_at: Option<&str>) -> Value {
    let mut order = example(ORDER);
    order["status"] = json!(status);
    order["delivered_at"] = json!(delivered_at);
    order
}

/// Compares an answer with its example.
#[track_caller]
fn matches(answer: &Answer, example: &Value) {
    compare(answer, "", &answer.json, example);
}

#[track_caller]
fn compare(answer: &Answer, at: &str, found: &Value, example: &Value) {
    let name = at.rsplit('/').next().unwrap_or_default();
    match example {
        Value::Object(fields) => {
            for (name, example) in fields {
                let found = found.get(name).unwrap_or_else(|| panic!("no {at}/{name}: {}", answer.text));
                compare(answer, &format!("{at}/{name}"), found, example);
            }
        }
        Value::Array(entries) => {
            let list = found.as_array().unwrap_or_else(|| panic!("{at} is no list: {found}"));
            assert!(list.len() >= entries.len(), "{at}: {found}");
            for (index, entry) in entries.iter().enumerate() {
                compare(answer, &format!("{at}/{index}"), &list[index], entry);
            }
        }
        Value::String(text) if text.parse::<DateTime<Utc>>().is_ok() => {
            let time = found.as_str().unwrap_or_else(|| panic!("{at} is no time: {found}"));
            assert!(time.ends_with('Z') && time.parse::<DateTime<Utc>>().is_ok(), "{at}: {time}");
        }
        Value::Number(_) if name == "user_id" => assert!(found.is_string(), "{at}: {found}"),
        Value::Number(number) if number.is_f64() => {
            let decimals = answer.raw(at).split_once('.').map(|(_, decimals)| decimals.len());
            assert_eq!(decimals, Some(2), "{at}: {}", answer.raw(at));
            assert_eq!(found, example, "{at}");
        }
        Value::Number(_) if VARYING.contains(&name) => assert!(found.is_i64(), "{at}: {found}"),
        Value::String(_) if VARYING.contains(&name) => assert!(found.is_string(), "{at}: {found}"),
        _ => assert_eq!(found, example, "{at}"),
    }
}

/// A customer's order of the example's cart: two apples and some oil.
async fn placed(customer: &Person<'_>) -> i64 {
    customer.places(&example(DELIVERY)).await.expect(201).id()
}

#[tokio::test]
async fn an_order_is_created_and_read() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    let created = customer.post("/orders", &example(DELIVERY)).await.expect(201);
    matches(&created, &order("confirmed", None));
    assert_eq!(created.json["user_id"], json!(customer.id));

    app.admin().walks(created.id(), &["preparing", "out_for_delivery", "delivered"]).await;
    let delivered = order("delivered", Some("2023-01-01T13:25:00Z"));
    matches(&customer.get(&format!("/orders/{}", created.id())).await.expect(200), &delivered);
    matches(&customer.get("/orders/my-orders").await.expect(200), &json!([delivered]));
}

#[tokio::test]
async fn staff_list_assign_and_take_steps() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = placed(&customer).await;

    let partner = json!({ "delivery_partner_id": 456 });
    let assigned = admin.put(&format!("/orders/{id}/assign-delivery"), &partner).await.expect(200);
    matches(&assigned, &order("confirmed", None));
    assert_eq!(assigned.json["delivery_partner_id"], "456");

    admin.walks(id, &["preparing"]).await;
    let step = json!({ "status": "out_for_delivery" });
    let on_the_road = order("out_for_delivery", None);
    matches(&admin.put(&format!("/orders/{id}/status"), &step).await.expect(200), &on_the_road);
    let list =
        admin.get(&format!("/orders?user_id={}&status=out_for_delivery", customer.id)).await.expect(200);
    matches(&list, &json!([on_the_road]));
}

#[tokio::test]
async fn an_order_is_cancelled() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = placed(&customer).await;

    let cancelled =
        Answer::to(customer.request(reqwest::Method::POST, &format!("/orders/{id}/cancel"))).await;

    matches(&cancelled.expect(200), &example(CANCELLED));
}

#[tokio::test]
async fn the_items_of_an_order_are_modified() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = placed(&customer).await;

    let modified = customer.put(&format!("/orders/{id}/items"), &example(ITEMS)).await.expect(200);

    let mut expected = order("confirmed", None);
    expected["total_amount"] = json!(28.96);
    expected["items"][0]["quantity"] = json!(3);
    matches(&modified, &expected);
}

#[tokio::test]
async fn a_delivery_is_located() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = placed(&customer).await;
    admin.assigns(id, courier.id.clone()).await.expect(200);
    admin.walks(id, &["preparing", "out_for_delivery"]).await;
    let place = json!({ "latitude": "40.7128", "longitude": "-74.0060" });
    courier.reports_location(id, &place).await.expect(200);

    let located = customer.get(&format!("/orders/{id}/delivery-location")).await.expect(200);

    matches(&located, &example(LOCATION));
    assert_eq!(located.json["order_id"], id);
}

#[tokio::test]
async fn many_orders_are_changed_at_once() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(app.database.add_order(&customer.id, "preparing", None).await);
    }

    let assignment = json!({ "order_ids": ids, "delivery_partner_id": 456 });
    let assigned = admin.post("/orders/bulk-assign-delivery", &assignment).await.expect(200);
    let step = json!({ "order_ids": ids, "status": "out_for_delivery" });
    let stepped = admin.put("/orders/bulk-status-update", &step).await.expect(200);

    for answer in [assigned, stepped] {
        matches(&answer, &json!({ "success": true, "updated_count": 3, "total_count": 3 }));
    }
    let order = app.database.order(ids[0]).await;
    assert_eq!(
        (&order["status"], &order["delivery_partner_id"]),
        (&json!("out_for_delivery"), &json!("456"))
    );
}

#[tokio::test]
async fn an_order_is_scheduled() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    // The example's own time has passed.
    let mut body = example(DELIVERY);
    let time = (Utc::now() + Duration::days(1)).format("%Y-%m-%dT08:00:00Z").to_string();
    body["scheduled_for"] = json!(time);

    let scheduled = customer.post("/orders/scheduled", &body).await.expect(201);

    let mut expected = order("confirmed", None);
    expected["scheduled_for"] = json!("2023-01-02T08:00:00Z");
    matches(&scheduled, &expected);
    assert_eq!(scheduled.json["scheduled_for"], json!(time));
}

#[tokio::test]
async fn a_template_is_kept_and_ordered() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    let kept = customer.post("/templates", &example(TEMPLATE)).await.expect(201);
    matches(&kept, &example(TEMPLATE));
    let path = format!("/templates/{}", kept.id());
    matches(&customer.get(&path).await.expect(200), &example(TEMPLATE));
    matches(&customer.get("/templates").await.expect(200), &json!([example(TEMPLATE)]));

    let ordered = customer.post(&format!("{path}/order"), &example(DELIVERY)).await.expect(201);
    matches(&ordered, &order("confirmed", None));

    customer.delete(&path).await.expect_nothing();
}

#[tokio::test]
async fn an_order_is_rated() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "delivered", None).await;

    let rated = customer.post(&format!("/orders/{id}/feedback"), &example(FEEDBACK)).await.expect(201);

    matches(&rated, &example(FEEDBACK));
    assert_eq!(rated.json["order_id"], id);
}
