//! `POST /orders` with bodies that are wrong.

use chrono::{Duration, Utc};
use end_to_end::{Person, TestApp, an_order};
use serde_json::{Value, json};

async fn nothing_happened(app: &TestApp, customer: &Person<'_>) {
    assert_eq!(app.database.orders_of(&customer.id).await, Vec::<Value>::new());
    assert_eq!(app.dependencies.calls(&customer.id, "/").await, Vec::<Value>::new());
}

#[tokio::test]
async fn each_wrong_field_is_named() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let (address, latitude, longitude) = ("delivery_address", "delivery_latitude", "delivery_longitude");
    for (field, value, pointers) in [
        (address, Value::Null, &["/delivery_address"][..]),
        (address, json!(""), &["/delivery_address"]),
        (address, json!(" \t\n "), &["/delivery_address"]),
        (address, json!("a".repeat(1001)), &["/delivery_address"]),
        (address, json!("123 Main St\u{0}"), &["/delivery_address"]),
        (address, json!(123), &["/delivery_address"]),
        (address, json!(["123 Main St"]), &["/delivery_address"]),
        (latitude, json!("90.0001"), &["/delivery_latitude"]),
        (latitude, json!(-91), &["/delivery_latitude"]),
        (latitude, json!("north"), &["/delivery_latitude"]),
        (latitude, json!(""), &["/delivery_latitude"]),
        (latitude, json!("NaN"), &["/delivery_latitude"]),
        (latitude, json!("0.00000000000000000000000001"), &["/delivery_latitude"]),
        (latitude, json!(true), &["/delivery_latitude"]),
        (latitude, json!({}), &["/delivery_latitude"]),
        (latitude, Value::Null, &["/delivery_latitude"]),
        (longitude, json!("180.5"), &["/delivery_longitude"]),
        (longitude, json!(1e300), &["/delivery_longitude"]),
        (longitude, Value::Null, &["/delivery_longitude"]),
        ("scheduled_for", json!("tomorrow"), &["/scheduled_for"]),
        ("scheduled_for", json!(""), &["/scheduled_for"]),
        ("scheduled_for", json!(1_900_000_000), &["/scheduled_for"]),
        ("scheduled_for", json!("2026-13-45T99:00:00Z"), &["/scheduled_for"]),
        ("scheduled_for", json!("+262142-12-31T23:59:59Z"), &["/scheduled_for"]),
    ] {
        let mut body = an_order();
        body[field] = value;
        customer.places(&body).await.expect_invalid(pointers);
    }
    nothing_happened(&app, &customer).await;
}

#[tokio::test]
async fn a_delivery_is_scheduled_neither_too_soon_nor_too_late() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for ahead in [Duration::days(-1), Duration::zero(), Duration::minutes(29), Duration::days(31)] {
        let mut body = an_order();
        body["scheduled_for"] = json!((Utc::now() + ahead).to_rfc3339());
        customer.places(&body).await.expect_invalid(&["/scheduled_for"]);
    }
    nothing_happened(&app, &customer).await;
}

#[tokio::test]
async fn all_wrong_fields_are_named_at_once() {
    let app = TestApp::shared().await;
    let body = json!({
        "delivery_latitude": "91",
        "delivery_longitude": "x",
        "scheduled_for": "never",
    });

    app.customer().places(&body).await.expect_invalid(&[
        "/delivery_address",
        "/delivery_latitude",
        "/delivery_longitude",
        "/scheduled_for",
    ]);
}

#[tokio::test]
async fn half_a_place_is_named_beside_its_wrong_half() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for (field, value) in [("delivery_latitude", "north"), ("delivery_longitude", "east")] {
        let mut body = json!({ "delivery_address": "123 Main St" });
        body[field] = json!(value);
        customer.places(&body).await.expect_invalid(&["/delivery_latitude", "/delivery_longitude"]);
    }
    nothing_happened(&app, &customer).await;
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [
        b"".as_slice(),
        b"   ",
        b"delivery_address=here",
        b"{",
        b"{\"delivery_address\":\"here\"",
        b"{\"delivery_address\":\"here\"} and more",
        b"{\"delivery_address\":\"\xff\xfe\"}",
        b"{\"delivery_address\":\"\\ud800\"}",
        b"{\"delivery_address\":\"here\",\"delivery_latitude\":1e999,\"delivery_longitude\":1}",
        b"null",
        b"[]",
        b"\"here\"",
        b"1",
        nested.as_bytes(),
    ] {
        let answer = customer.places_raw(body.to_vec()).await.expect_problem(422);
        assert!(answer.json["errors"].is_array(), "{}", answer.text);
    }
    nothing_happened(&app, &customer).await;
}

#[tokio::test]
async fn a_body_over_the_size_limit_is_refused() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let mut body = an_order();
    body["delivery_address"] = json!("a".repeat(2 * 1024 * 1024));

    customer.places(&body).await.expect_problem(413);

    nothing_happened(&app, &customer).await;
}
