//! `GET /orders/{order_id}`.

use end_to_end::{Answer, Person, TestApp};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn the_owner_reads_what_was_placed() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let placed = customer.places_an_order().await.expect(201);

    let read = customer.reads_order(placed.id()).await.expect(200);

    assert_eq!(read.json, placed.json);
    assert_eq!(read.raw("/total_amount"), "25.97");
    assert_eq!(read.header("etag"), placed.header("etag"));
}

#[tokio::test]
async fn who_knows_the_order_is_not_told_again() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();
    let asked = async |person: &Person<'_>, tags: &str| {
        let request = person.request(Method::GET, &format!("/orders/{id}"));
        Answer::to(request.header("if-none-match", tags)).await
    };

    // The third is from the cache.
    for tags in ["\"2\"", "W/\"2\"", "\"1\", \"2\"", "*"] {
        let known = asked(&customer, tags).await;
        assert_eq!((known.status, known.text.as_str(), known.header("etag")), (304, "", "\"2\""), "{tags}");
    }
    for tags in ["\"1\"", "2", "nonsense"] {
        asked(&customer, tags).await.expect(200);
    }
    asked(&app.customer(), "*").await.expect_problem(404);
}

#[tokio::test]
async fn a_trailing_slash_makes_no_difference() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();

    let read = customer.get(&format!("/orders/{id}/")).await.expect(200);

    assert_eq!(read.id(), id);
}

#[tokio::test]
async fn a_stranger_cannot_tell_an_order_from_none() {
    let app = TestApp::shared().await;
    let id = app.customer().places_an_order().await.expect(201).id();

    for stranger in [app.customer(), app.courier()] {
        let hidden = stranger.reads_order(id).await.expect_problem(404);
        let missing = stranger.reads_order(2_000_000_000).await.expect_problem(404);

        for field in ["type", "title"] {
            assert_eq!(hidden.json[field], missing.json[field]);
        }
        let plain = |detail: &str, id: i64| detail.replace(&id.to_string(), "…");
        assert_eq!(plain(hidden.detail(), id), plain(missing.detail(), 2_000_000_000));
    }
}

#[tokio::test]
async fn an_admin_reads_every_order() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();

    let read = app.admin().reads_order(id).await.expect(200);

    assert_eq!(read.json["user_id"], json!(customer.id));
    let actions = read.json["allowed_actions"].as_array().unwrap();
    for action in ["cancel", "update_status", "assign_delivery"] {
        assert!(actions.contains(&json!(action)), "{action}: {actions:?}");
    }
}

#[tokio::test]
async fn a_courier_reads_the_orders_assigned_to_them() {
    let app = TestApp::shared().await;
    let courier = app.courier();
    let id = app.customer().places_an_order().await.expect(201).id();
    app.database.assign(id, &courier.id).await;

    let read = courier.reads_order(id).await.expect(200);
    assert_eq!(read.json["delivery_partner_id"], json!(courier.id));

    app.courier().reads_order(id).await.expect_problem(404);
    // The same id in a customer's token opens nothing.
    Person::new(&app, &courier.id, "user").reads_order(id).await.expect_problem(404);
}

#[tokio::test]
async fn what_cannot_be_an_order_is_not_found() {
    let app = TestApp::shared().await;
    let admin = app.admin();
    for id in [
        "0",
        "-1",
        "abc",
        "1.0",
        "1e3",
        "+1",
        "01",
        "2147483648",
        "99999999999999",
        "99999999999999999999999999",
        "%00",
        "%31%ff",
        "1%2F2",
        "1'--",
        "%F0%9F%8D%8E",
    ] {
        admin.get(&format!("/orders/{id}")).await.expect_problem(404);
    }
}

#[tokio::test]
async fn items_keep_the_price_they_were_ordered_for() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let product = app.dependencies.product(json!({ "price": 3.5 })).await;
    customer.has_in_cart(&[(product, 2)]).await;
    let id = customer.places_an_order().await.expect(201).id();
    app.dependencies.change_product(product, json!({ "price": 9.99 })).await;

    let read = customer.reads_order(id).await.expect(200);

    assert_eq!(read.raw("/items/0/price"), "3.50");
    assert_eq!(read.raw("/total_amount"), "12.00");
}

#[tokio::test]
async fn a_product_service_in_trouble_never_breaks_a_read() {
    let app = TestApp::shared().await;
    let in_trouble = async |mode: &str| {
        let customer = app.customer();
        let product = app.dependencies.product(json!({ "name": "Plum" })).await;
        customer.has_in_cart(&[(product, 1)]).await;
        let id = customer.places_an_order().await.expect(201).id();
        app.dependencies.fail(json!({ "service": "product", "product_id": product, "mode": mode })).await;

        let read = customer.reads_order(id).await.expect(200);
        assert_eq!(read.json["items"][0]["product_id"], json!(product), "{mode}");
        assert_eq!(read.json["items"][0]["product"], Value::Null, "{mode}");
        let list = customer.lists_orders("").await.expect(200);
        assert_eq!(list.json[0]["items"][0]["product"], Value::Null, "{mode}");
    };
    let modes = [
        "status:404",
        "status:500",
        "timeout",
        "drop",
        "drop_after",
        "garbage",
        "wrong_types",
        "huge",
        "redirect",
    ];
    join_all(modes.map(in_trouble)).await;
}
