//! `/admin/users/{user_id}/data`: what is kept about a person.

use chrono::DateTime;
use end_to_end::TestApp;
use serde_json::{Value, json};

#[tokio::test]
async fn a_persons_data_is_handed_out_whole() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let order = customer.places_an_order().await.expect(201);
    let template = json!({ "name": "Pack", "items": [{ "product_id": 5, "quantity": 1 }] });
    customer.post("/templates", &template).await.expect(201);

    let data = admin.get(&format!("/admin/users/{}/data", customer.id)).await.expect(200).json;

    assert_eq!((&data["user_id"], &data["email"]), (&json!(customer.id), &json!(customer.email())));
    let orders = data["orders"].as_array().unwrap();
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0]["id"], order.id());
    assert_eq!(orders[0]["delivery_address"], "123 Main St, City, State 12345");
    for (field, count) in [("items", 2), ("payments", 1), ("events", 2)] {
        assert_eq!(orders[0][field].as_array().map(Vec::len), Some(count), "{field}");
    }
    assert_eq!(data["templates"][0]["name"], "Pack");
    admin.get("/admin/users/nobody-at-all/data").await.expect_problem(404);
}

/// Every text of a document that is a time.
fn times(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) if DateTime::parse_from_rfc3339(text).is_ok() => vec![text],
        Value::Array(values) => values.iter().flat_map(times).collect(),
        Value::Object(fields) => fields.values().flat_map(times).collect(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn a_persons_data_tells_times_as_orders_do() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = customer.places_an_order().await.expect(201).id();
    let template = json!({ "name": "Pack", "items": [{ "product_id": 5, "quantity": 1 }] });
    customer.post("/templates", &template).await.expect(201);
    admin.walks(id, &["preparing", "out_for_delivery", "delivered"]).await;
    customer.rates(id, &json!({ "rating": 5 })).await.expect(201);

    let data = admin.get(&format!("/admin/users/{}/data", customer.id)).await.expect(200).json;

    let times = times(&data);
    // Of the customer, the order's four, of five events, a payment's two, the feedback and the template's two.
    assert_eq!(times.len(), 15, "{data}");
    assert!(times.iter().all(|time| time.ends_with('Z')), "{times:?}");
}

#[tokio::test]
async fn a_persons_data_is_erased_and_the_books_stay() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let key = [("idempotency-key", "erase-me")];
    let id = customer.places_an_order().await.expect(201).id();
    admin.assigns(id, courier.id.as_str()).await.expect(200);
    customer
        .post("/templates", &json!({ "name": "Pack", "items": [{ "product_id": 5, "quantity": 1 }] }))
        .await
        .expect(201);
    admin.walks(id, &["preparing", "out_for_delivery"]).await;
    courier.reports_location(id, &json!({ "latitude": "40.71", "longitude": "-74" })).await.expect(200);
    let path = format!("/admin/users/{}/data", customer.id);

    let refused = admin.delete(&path).await.expect_problem(409);
    assert!(refused.detail().contains(&id.to_string()), "{}", refused.detail());

    admin.walks(id, &["delivered"]).await;
    customer.rates(id, &json!({ "rating": 2, "comment": "Too late for my party" })).await.expect(201);
    let rate = customer.request(reqwest::Method::POST, &format!("/orders/{id}/feedback"));
    let rate = key.iter().fold(rate, |request, (name, value)| request.header(*name, *value));
    end_to_end::Answer::to(rate.json(&json!({ "rating": 2, "comment": "Too late for my party" })))
        .await
        .expect(201);
    let before = app.database.order(id).await;
    admin.delete(&path).await.expect_nothing();

    let order = app.database.order(id).await;
    for (field, expected) in [
        ("delivery_address", json!("erased")),
        ("delivery_latitude", json!(null)),
        ("delivery_longitude", json!(null)),
        ("total_amount", before["total_amount"].clone()),
        ("user_id", json!(customer.id)),
    ] {
        assert_eq!(order[field], expected, "{field}");
    }
    assert_eq!(app.database.ledger(id).await.len(), 1);
    assert_eq!(app.database.feedback(id).await[0]["comment"], json!(null));
    assert_eq!(app.database.feedback(id).await[0]["rating"], 2);
    assert_eq!(app.database.email_of(&customer.id).await, json!(null));
    let events = app.database.events(id).await;
    let of_kind = |kind: &str| events.iter().find(|event| event["type"] == kind).cloned().unwrap();
    assert_eq!(of_kind("location")["data"], json!({}));
    assert_eq!(of_kind("erased")["actor_id"], json!(admin.id));
    let data = admin.get(&path).await.expect(200).text;
    for gone in ["Main St", "party", "40.71", "Pack", &customer.email()] {
        assert!(!data.contains(gone), "{gone} in {data}");
    }
    // Once more changes nothing.
    admin.delete(&path).await.expect_nothing();
    assert_eq!(app.database.order(id).await, order);
    assert_eq!(app.database.events(id).await, events);
}

#[tokio::test]
async fn whatever_a_courier_has_reported_is_handed_out_and_erased() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let one = app.database.add_order(&customer.id, "delivered", None).await;
    let other = app.database.add_order(&customer.id, "delivered", None).await;
    // Two parts, of which the second is empty or not.
    for (first, count) in [(10, 10_000), (20_000, 10_007)] {
        let courier = app.courier();
        for (order, count) in [(one, count - 7), (other, 7)] {
            let reports = format!(
                "insert into order_events (order_id, version, type, actor_id, actor_role, data)
                select {order}, {first} + n, 'location', '{}', 'delivery_partner',
                    '{{\"latitude\": \"40.71\", \"longitude\": \"-74\"}}'
                from generate_series(1, {count}) n",
                courier.id
            );
            app.database.tamper(&reports).await;
        }
        let path = format!("/admin/users/{}/data", courier.id);
        let reported = async || {
            let data = admin.get(&path).await.expect(200).json;
            let places = data["reported_locations"].as_array().expect("a list").clone();
            assert_eq!((places.len(), &data["orders"]), (count, &json!([])));
            let at = |place: &Value| (place["order_id"].as_i64(), place["version"].as_i64());
            assert!(places.is_sorted_by(|one, other| at(one) < at(other)));
            places
        };

        assert!(reported().await.iter().all(|place| place["data"]["latitude"] == "40.71"));
        admin.delete(&path).await.expect_nothing();
        assert!(reported().await.iter().all(|place| place["data"] == json!({})));
    }
}

#[tokio::test]
async fn an_order_whose_return_is_asked_for_meanwhile_keeps_its_address() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let id = app.database.add_order(&customer.id, "delivered", None).await;
    let returned = format!("update orders set status = 'return_requested' where id = {id}");

    let path = format!("/admin/users/{}/data", customer.id);
    app.database.overtaking(&returned, admin.delete(&path)).await.expect_nothing();

    assert_eq!(app.database.order(id).await["delivery_address"], "123 Main St");
}

#[tokio::test]
async fn who_orders_in_the_same_moment_is_not_forgotten() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    app.database.add_order(&customer.id, "delivered", None).await;
    let order = format!(
        "insert into orders (user_id, total_amount, delivery_address) values ('{}', 7.99, '123 Main St')",
        customer.id
    );

    let path = format!("/admin/users/{}/data", customer.id);
    app.database.overtaking(&order, admin.delete(&path)).await.expect_problem(409);

    let orders = app.database.orders_of(&customer.id).await;
    assert!(orders.iter().all(|order| order["delivery_address"] == "123 Main St"), "{orders:?}");
}

#[tokio::test]
async fn a_couriers_locations_are_forgotten_too() {
    let app = TestApp::shared().await;
    let (customer, courier, admin) = (app.customer(), app.courier(), app.admin());
    let id = app.database.add_order(&customer.id, "out_for_delivery", Some(&courier.id)).await;
    courier.reports_location(id, &json!({ "latitude": "40.71", "longitude": "-74" })).await.expect(200);

    admin.delete(&format!("/admin/users/{}/data", courier.id)).await.expect_nothing();

    let events = app.database.events(id).await;
    assert_eq!(events.iter().find(|event| event["type"] == "location").unwrap()["data"], json!({}));
    customer.locates(id).await.expect_problem(404);
    let (_, _, opening) = customer.follows(id).await.next().await.unwrap();
    assert_eq!(opening["data"]["location"], Value::Null);
    admin.delete("/admin/users/nobody-at-all/data").await.expect_problem(404);
}
