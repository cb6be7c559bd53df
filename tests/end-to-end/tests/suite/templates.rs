//! `/templates`.

use chrono::{Duration, Utc};
use end_to_end::{Answer, Person, TestApp, an_order};
use futures::future::join_all;
use serde_json::{Value, json};

/// Two apples at 2.99 and a bottle of oil at 14.99, as in a fresh cart.
fn a_template() -> Value {
    json!({
        "name": "Weekly Grocery Pack",
        "items": [{ "product_id": 5, "quantity": 2 }, { "product_id": 8, "quantity": 1 }],
    })
}

async fn keeps(customer: &Person<'_>, template: &Value) -> i64 {
    customer.post("/templates", template).await.expect(201).id()
}

async fn orders_from(customer: &Person<'_>, template_id: i64) -> Answer {
    customer.post(&format!("/templates/{template_id}/order"), &an_order()).await
}

#[tokio::test]
async fn a_template_is_kept_as_it_was_given() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let before = Utc::now();

    let kept = customer.post("/templates", &a_template()).await.expect(201);

    let path = format!("/templates/{}", kept.id());
    assert_eq!(kept.header("location"), path);
    assert_eq!(kept.json["user_id"], json!(customer.id));
    assert_eq!(kept.json["name"], "Weekly Grocery Pack");
    assert_eq!(kept.json["items"], a_template()["items"]);
    assert!(kept.time("created_at") > before - Duration::minutes(1));
    assert_eq!(kept.time("updated_at"), kept.time("created_at"));
    assert_eq!(customer.get(&path).await.expect(200).json, kept.json);
    assert_eq!(customer.get("/templates").await.expect(200).json, json!([kept.json]));
}

#[tokio::test]
async fn a_whole_number_may_be_written_as_a_decimal() {
    let app = TestApp::shared().await;
    let template = json!({ "name": "Pack", "items": [{ "product_id": 5.0, "quantity": 1e1 }] });

    let kept = app.customer().post("/templates", &template).await.expect(201);

    assert_eq!(kept.json["items"], json!([{ "product_id": 5, "quantity": 10 }]));
}

#[tokio::test]
async fn templates_are_listed_newest_first_and_by_pages() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let mut newest_first = Vec::new();
    for number in 0..7 {
        let mut template = a_template();
        template["name"] = json!(format!("Template {number}"));
        newest_first.insert(0, keeps(&customer, &template).await);
    }

    assert_eq!(customer.get("/templates").await.expect(200).ids(), newest_first);
    assert_eq!(customer.get("/templates?limit=2&offset=3").await.expect(200).ids(), newest_first[3..5]);
    let mut seen = Vec::new();
    let mut next = Some("/templates?limit=3".to_owned());
    while let Some(path) = next {
        let page = customer.get(&path).await.expect(200);
        seen.extend(page.ids());
        next = page.next_page();
    }
    assert_eq!(seen, newest_first);
    customer.get("/templates?limit=51&offset=x").await.expect_invalid(&["limit", "offset"]);
}

#[tokio::test]
async fn a_deleted_template_is_gone_but_not_its_orders() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let template = keeps(&customer, &a_template()).await;
    let order = orders_from(&customer, template).await.expect(201);

    customer.delete(&format!("/templates/{template}")).await.expect_nothing();

    customer.get(&format!("/templates/{template}")).await.expect_problem(404);
    customer.delete(&format!("/templates/{template}")).await.expect_problem(404);
    orders_from(&customer, template).await.expect_problem(404);
    assert_eq!(customer.get("/templates").await.expect(200).json, json!([]));
    customer.reads_order(order.id()).await.expect(200);
}

#[tokio::test]
async fn an_order_from_a_template_is_like_one_from_a_cart() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let template = keeps(&customer, &a_template()).await;

    let order = orders_from(&customer, template).await.expect(201);

    assert_eq!(order.header("location"), format!("/orders/{}", order.id()));
    assert_eq!(order.header("etag"), format!("\"{}\"", order.json["version"]));
    assert_eq!(order.json["status"], "confirmed");
    assert_eq!(order.raw("/total_amount"), "25.97");
    assert_eq!(order.json["items"][0]["product"]["name"], "Apple");
    assert_eq!(customer.reads_order(order.id()).await.expect(200).json, order.json);
    let books = app.dependencies.books(order.id()).await;
    assert_eq!(books["charges"].as_array().map(Vec::len), Some(1), "{books}");
    assert_eq!(books["charges"][0]["amount"], "25.97");
    app.all_done(order.id()).await;
    assert_eq!(app.dependencies.notifications(&customer.id, "order-confirmation").await.len(), 1);
    assert_eq!(app.dependencies.notifications(&customer.id, "order-status").await.len(), 1);
    let events = app.database.events(order.id()).await;
    assert_eq!(events[0]["type"], "placed");
    assert_eq!(app.database.ledger(order.id()).await[0]["status"], "succeeded");
}

#[tokio::test]
async fn an_order_from_a_template_leaves_the_cart_alone() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.has_in_cart(&[(8, 3)]).await;
    let template = keeps(&customer, &a_template()).await;

    let order = orders_from(&customer, template).await.expect(201);

    app.all_done(order.id()).await;
    assert_eq!(app.dependencies.calls(&customer.id, "/api/v1/cart/").await, Vec::<Value>::new());
    let from_cart = customer.places_an_order().await.expect(201);
    assert_eq!(from_cart.raw("/total_amount"), "49.97");
}

#[tokio::test]
async fn several_orders_from_templates_at_once_are_all_placed() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let template = keeps(&customer, &a_template()).await;

    let orders = join_all((0..4).map(|_| orders_from(&customer, template))).await;

    let mut ids: Vec<i64> = orders.into_iter().map(|order| order.expect(201).id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[tokio::test]
async fn prices_and_delivery_are_todays() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let product = app.dependencies.product(json!({ "price": 1 })).await;
    let template = json!({ "name": "One", "items": [{ "product_id": product, "quantity": 3 }] });
    let template = keeps(&customer, &template).await;
    app.dependencies.change_product(product, json!({ "price": 1.5 })).await;
    let when = Utc::now() + Duration::hours(26);
    let mut body = an_order();
    body["scheduled_for"] = json!(when.to_rfc3339());

    let order = customer.post(&format!("/templates/{template}/order"), &body).await.expect(201);

    assert_eq!(order.raw("/total_amount"), "9.50");
    assert_eq!(order.time("estimated_delivery_time"), order.time("scheduled_for"));
}

#[tokio::test]
async fn products_that_cant_be_had_are_named_by_their_place_in_the_template() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let gone = app.dependencies.product(json!({})).await;
    let rare = app.dependencies.product(json!({ "name": "Truffle", "stock_quantity": 1 })).await;
    let line = |product: u32| json!({ "product_id": product, "quantity": 2 });
    let template = json!({ "name": "Feast", "items": [line(5), line(gone), line(rare)] });
    let template = keeps(&customer, &template).await;
    app.dependencies.remove_product(gone).await;

    let refused = orders_from(&customer, template).await;

    let refused = refused.expect_invalid(&["/items/1/product_id", "/items/2/quantity"]);
    assert!(refused.text.contains("Truffle"), "{}", refused.text);
    assert_eq!(app.database.orders_of(&customer.id).await, Vec::<Value>::new());
    assert_eq!(app.dependencies.calls(&customer.id, "/payments").await, Vec::<Value>::new());
    let dear = app.dependencies.product(json!({ "price": 99_999_999.99 })).await;
    for quantity in [1, 2] {
        let items = json!([{ "product_id": dear, "quantity": quantity }]);
        let template = keeps(&customer, &json!({ "name": "Dear", "items": items })).await;
        orders_from(&customer, template).await.expect_invalid(&["/items"]);
    }
}

#[tokio::test]
async fn the_body_of_an_order_is_checked_as_always() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let template = keeps(&customer, &a_template()).await;
    let path = format!("/templates/{template}/order");

    customer.post(&path, &json!({})).await.expect_invalid(&["/delivery_address"]);
    customer.post(&path, &json!([])).await.expect_invalid(&[""]);
}

#[tokio::test]
async fn a_declined_payment_cancels_the_order_and_the_template_can_be_tried_again() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let template = keeps(&customer, &a_template()).await;
    customer.suffers_once("payment", "decline").await;

    orders_from(&customer, template).await.expect_problem(402);
    let order = orders_from(&customer, template).await.expect(201);

    let statuses: Vec<Value> =
        app.database.orders_of(&customer.id).await.iter().map(|order| order["status"].clone()).collect();
    assert_eq!(statuses, ["cancelled", "confirmed"]);
    let books = app.dependencies.books(order.id()).await;
    assert_eq!(books["charges"].as_array().map(Vec::len), Some(1), "{books}");
}

#[tokio::test]
async fn a_payment_of_unknown_outcome_is_settled_without_touching_the_cart() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.has_in_cart(&[(8, 3)]).await;
    let template = keeps(&customer, &a_template()).await;
    customer.suffers_once("payment", "drop_after").await;

    let order = orders_from(&customer, template).await.expect(202);
    // The cart is free meanwhile.
    customer.places_an_order().await.expect(201);
    customer.has_in_cart(&[(5, 1)]).await;
    customer.sees_order_become(order.id(), "confirmed").await;

    app.all_done(order.id()).await;
    let books = app.dependencies.books(order.id()).await;
    assert_eq!(books["charges"].as_array().map(Vec::len), Some(1), "{books}");
    assert_eq!(app.dependencies.cart(&customer.id).await.len(), 1);
}

#[tokio::test]
async fn a_template_is_its_owners_alone_and_an_admins_to_read_and_delete() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let template = keeps(&customer, &a_template()).await;
    let path = format!("/templates/{template}");

    for stranger in [app.customer(), app.courier()] {
        stranger.get(&path).await.expect_problem(404);
        stranger.delete(&path).await.expect_problem(404);
        orders_from(&stranger, template).await.expect_problem(404);
        assert_eq!(stranger.get("/templates").await.expect(200).json, json!([]));
    }
    app.get(&path).await.expect_problem(401);
    app.get("/templates").await.expect_problem(401);
    let admin = app.admin();
    admin.get(&path).await.expect(200);
    assert_eq!(admin.get("/templates").await.expect(200).json, json!([]));
    orders_from(&admin, template).await.expect_problem(403);
    admin.delete(&path).await.expect_nothing();
    customer.get(&path).await.expect_problem(404);
}

#[tokio::test]
async fn what_is_no_template_is_refused_field_by_field() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let with = |field: &str, value: Value| {
        let mut template = a_template();
        template[field] = value;
        template
    };
    let many: Vec<Value> = (1..=101).map(|id| json!({ "product_id": id, "quantity": 1 })).collect();
    let twice = json!([{ "product_id": 5, "quantity": 1 }, { "product_id": 5, "quantity": 2 }]);
    for (body, pointers) in [
        (json!({}), &["/name", "/items"][..]),
        (json!([]), &[""]),
        (with("name", json!(null)), &["/name"]),
        (with("name", json!("  ")), &["/name"]),
        (with("name", json!("a\u{0}b")), &["/name"]),
        (with("name", json!("ü".repeat(101))), &["/name"]),
        (with("items", json!([])), &["/items"]),
        (with("items", json!("apples")), &["/items"]),
        (with("items", json!(many)), &["/items"]),
        (with("items", json!([5])), &["/items/0/product_id", "/items/0/quantity"]),
        (with("items", json!([{ "product_id": 5, "quantity": 0 }])), &["/items/0/quantity"]),
        (with("items", json!([{ "product_id": 5, "quantity": 10_000 }])), &["/items/0/quantity"]),
        (with("items", json!([{ "product_id": 1e300, "quantity": 1 }])), &["/items/0/product_id"]),
        (with("items", twice), &["/items/1/product_id"]),
    ] {
        customer.post("/templates", &body).await.expect_invalid(pointers);
    }
    assert_eq!(customer.get("/templates").await.expect(200).json, json!([]));
    keeps(&customer, &with("name", json!("ü".repeat(100)))).await;
    keeps(&customer, &with("items", json!(many[..100]))).await;
}

#[tokio::test]
async fn what_is_no_template_id_names_none() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for id in ["0", "-1", "abc", "01", "2147483648", "99999999999999999999", "%00"] {
        customer.get(&format!("/templates/{id}")).await.expect_problem(404);
        customer.delete(&format!("/templates/{id}")).await.expect_problem(404);
    }
}

#[tokio::test]
async fn a_customers_first_template_makes_their_email_known() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    keeps(&customer, &a_template()).await;

    assert_eq!(app.database.email_of(&customer.id).await, json!(customer.email()));
}
