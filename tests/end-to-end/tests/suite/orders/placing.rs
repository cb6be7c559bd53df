//! `POST /orders`, where everything goes well.

use chrono::{Duration, Utc};
use end_to_end::{Person, TestApp, an_order, claims, unique};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_cart_becomes_a_confirmed_order() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let before = Utc::now();

    let answer = customer.places_an_order().await.expect(201);

    let id = answer.id();
    assert_eq!(answer.header("location"), format!("/orders/{id}"));
    assert_eq!(answer.header("etag"), format!("\"{}\"", answer.json["version"]));
    for (field, value) in [
        ("user_id", json!(customer.id)),
        ("delivery_partner_id", Value::Null),
        ("status", json!("confirmed")),
        ("delivery_address", json!("123 Main St, City, State 12345")),
        ("delivery_latitude", json!("40.7128")),
        ("delivery_longitude", json!("-74.0060")),
        ("delivered_at", Value::Null),
        ("cancelled_at", Value::Null),
        ("scheduled_for", Value::Null),
        ("allowed_actions", json!(["modify_items", "cancel"])),
    ] {
        assert_eq!(answer.json.get(field), Some(&value), "{field}");
    }
    let created = answer.time("created_at");
    assert!(created > before - Duration::minutes(1) && created < Utc::now() + Duration::minutes(1));
    assert!(answer.time("updated_at") >= created);
    let minutes = (answer.time("estimated_delivery_time") - created).num_minutes();
    assert!((29..=30).contains(&minutes), "{minutes}");
}

#[tokio::test]
async fn items_come_with_their_products_details() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    let order = customer.places_an_order().await.expect(201);

    let [apples, oil] = order.json["items"].as_array().unwrap().as_slice() else {
        panic!("two items: {}", order.text);
    };
    assert!(apples["id"].is_i64());
    assert_eq!((&apples["product_id"], &apples["quantity"]), (&json!(5), &json!(2)));
    assert_eq!((&oil["product_id"], &oil["quantity"]), (&json!(8), &json!(1)));
    assert_eq!(
        apples["product"],
        json!({
            "id": 5,
            "name": "Apple",
            "description": "Fresh red apples",
            "price": 2.99,
            "mrp": 3.99,
            "category_id": 1,
            "image_url": "https://example.com/images/apple.jpg",
            "stock_quantity": 10_000,
            "unit": "kg",
            "is_active": true,
            "created_at": "2023-01-01T00:00:00Z",
        })
    );
}

#[tokio::test]
async fn money_is_exact_and_has_two_decimals() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let dime = app.dependencies.product(json!({ "price": 0.1, "mrp": 1 })).await;
    let two_dimes = app.dependencies.product(json!({ "price": 0.2 })).await;
    customer.has_in_cart(&[(dime, 1), (two_dimes, 1)]).await;

    let order = customer.places_an_order().await.expect(201);

    assert_eq!(order.raw("/total_amount"), "5.30");
    assert_eq!(order.raw("/delivery_fee"), "5.00");
    assert_eq!(order.raw("/items/0/price"), "0.10");
    assert_eq!(order.raw("/items/0/product/price"), "0.10");
    assert_eq!(order.raw("/items/0/product/mrp"), "1.00");
    let books = app.dependencies.books(order.id()).await;
    assert_eq!(books["charges"][0]["amount"], "5.30");
}

#[tokio::test]
async fn the_delivery_fee_is_part_of_the_total() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    let order = customer.places_an_order().await.expect(201);

    // Two apples at 2.99 and a bottle of oil at 14.99.
    assert_eq!(order.raw("/delivery_fee"), "5.00");
    assert_eq!(order.raw("/total_amount"), "25.97");
}

#[tokio::test]
async fn everything_about_the_order_is_stored() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    let answer = customer.places_an_order().await.expect(201);

    let order = app.database.order(answer.id()).await;
    assert_eq!(order["user_id"], json!(customer.id));
    assert_eq!(order["status"], "confirmed");
    assert_eq!(order["total_amount"], json!(25.97));
    assert_eq!(order["version"], answer.json["version"]);
    let items = app.database.items(answer.id()).await;
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["product_name"], "Apple");
    assert_eq!(items[0]["price"], json!(2.99));
    assert_eq!(items[1]["product_name"], "Olive Oil");

    let events = app.database.events(answer.id()).await;
    let versions: Vec<i64> = events.iter().filter_map(|event| event["version"].as_i64()).collect();
    assert_eq!(versions, (1..=answer.json["version"].as_i64().unwrap()).collect::<Vec<_>>());
    assert_eq!(events[0]["actor_id"], json!(customer.id));
    assert_eq!(events[0]["actor_role"], "user");
}

#[tokio::test]
async fn the_customer_is_charged_once_as_the_ledger_says() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    let order = customer.places_an_order().await.expect(201);

    let ledger = app.database.ledger(order.id()).await;
    assert_eq!(ledger.len(), 1);
    assert_eq!((&ledger[0]["kind"], &ledger[0]["status"]), (&json!("charge"), &json!("succeeded")));
    let books = app.dependencies.books(order.id()).await;
    assert_eq!(
        books,
        json!({
            "charges": [{
                "amount": "25.97",
                "idempotency_key": ledger[0]["idempotency_key"],
                "user_id": customer.id,
            }],
            "refunds": [],
            "duplicates": 0,
        })
    );
}

#[tokio::test]
async fn the_cart_is_emptied_and_can_be_filled_for_the_next_order() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    let first = customer.places_an_order().await.expect(201);
    app.eventually("the cart is empty", async || {
        app.dependencies.cart(&customer.id).await.is_empty().then_some(())
    })
    .await;
    app.all_done(first.id()).await;
    customer.places_an_order().await.expect_problem(422);
    customer.has_in_cart(&[(5, 1)]).await;
    let second = customer.places_an_order().await.expect(201);

    assert_eq!(second.raw("/total_amount"), "7.99");
    let clears = app.dependencies.calls(&customer.id, &format!("/api/v1/cart/{}/clear", customer.id)).await;
    assert!(clears.len() <= 2, "each cart is cleared once: {clears:?}");
}

#[tokio::test]
async fn several_lines_of_one_product_become_one_item() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.has_in_cart(&[(5, 1), (8, 1), (5, 2)]).await;

    let order = customer.places_an_order().await.expect(201);

    let items = order.json["items"].as_array().unwrap();
    let lines: Vec<_> = items.iter().map(|item| (&item["product_id"], &item["quantity"])).collect();
    assert_eq!(lines, [(&json!(5), &json!(3)), (&json!(8), &json!(1))]);
    assert_eq!(order.raw("/total_amount"), "28.96");
}

#[tokio::test]
async fn the_last_pieces_in_stock_can_be_ordered() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let rare = app.dependencies.product(json!({ "stock_quantity": 3 })).await;
    customer.has_in_cart(&[(rare, 3)]).await;

    customer.places_an_order().await.expect(201);
}

#[tokio::test]
async fn coordinates_may_be_numbers_and_are_answered_as_strings() {
    let app = TestApp::shared().await;
    let mut body = an_order();
    body["delivery_latitude"] = json!(40.7128);
    body["delivery_longitude"] = json!(-74);

    let order = app.customer().places(&body).await.expect(201);

    assert_eq!(order.json["delivery_latitude"], "40.7128");
    assert_eq!(order.json["delivery_longitude"], "-74");
}

#[tokio::test]
async fn an_address_alone_is_enough() {
    let app = TestApp::shared().await;
    let address = "Straße 1 / кв. 2 — ١٢٣ 🏠 \"<&>'";
    let body = json!({ "delivery_address": address, "unknown_field": { "is": "ignored" } });

    let order = app.customer().places(&body).await.expect(201);

    assert_eq!(order.json["delivery_address"], address);
    assert_eq!(order.json["delivery_latitude"], Value::Null);
    assert_eq!(order.json["delivery_longitude"], Value::Null);
    assert_eq!(app.database.order(order.id()).await["delivery_address"], address);
}

#[tokio::test]
async fn a_scheduled_order_arrives_when_it_was_asked_for() {
    let app = TestApp::shared().await;
    let when = Utc::now() + Duration::hours(26);
    let mut body = an_order();
    // Somewhere with another offset.
    let there = when.with_timezone(&chrono::FixedOffset::east_opt(5 * 3600 + 1800).unwrap());
    body["scheduled_for"] = json!(there.to_rfc3339());

    let order = app.customer().places(&body).await.expect(201);

    let difference = order.time("scheduled_for") - when;
    assert!(difference.abs() < Duration::seconds(1), "{difference}");
    assert_eq!(order.time("estimated_delivery_time"), order.time("scheduled_for"));
    assert_eq!(order.json["status"], "confirmed");
}

#[tokio::test]
async fn a_users_id_may_hold_any_printable_character() {
    let app = TestApp::shared().await;
    for prefix in ["auth0|a/b ?#%25&=+;", "../..", "Zoë \"'<>\\"] {
        let id = unique(prefix);
        let customer = Person::new(&app, &id, "user");

        let order = customer.places_an_order().await.expect(201);

        assert_eq!(order.json["user_id"], json!(id));
        let books = app.dependencies.books(order.id()).await;
        assert_eq!(books["charges"][0]["user_id"], json!(id));
        customer.reads_order(order.id()).await.expect(200);
    }
}

#[tokio::test]
async fn a_token_without_an_email_or_role_is_a_customers() {
    let app = TestApp::shared().await;
    let id = unique("customer");
    let mut few = claims(&id, "user");
    few.as_object_mut().unwrap().retain(|name, _| name == "sub" || name == "exp");
    let customer = Person::with_claims(&app, &id, few);

    let order = customer.places_an_order().await.expect(201);

    app.all_done(order.id()).await;
}

#[tokio::test]
async fn every_call_to_another_service_can_be_traced() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = customer
        .request(Method::POST, "/orders")
        .header("x-request-id", "click-42")
        .header("traceparent", format!("00-{trace_id}-00f067aa0ba902b7-01"))
        .json(&an_order());

    end_to_end::Answer::to(request).await.expect(201);

    for path in ["/api/v1/cart/", "/payments/process"] {
        let calls = app.dependencies.calls(&customer.id, path).await;
        assert!(!calls.is_empty(), "{path}");
        for call in calls {
            assert_eq!(call["request_id"], "click-42", "{call}");
            let traceparent = call["traceparent"].as_str().unwrap_or_default();
            assert_eq!(traceparent.split('-').nth(1), Some(trace_id), "{call}");
        }
    }
}
