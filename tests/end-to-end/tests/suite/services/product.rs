//! The product service.

use end_to_end::{Setup, TestApp};
use futures::future::join_all;
use serde_json::{Value, json};

use super::{ODD, TROUBLES, USELESS, nothing_is_left, places_in_time};

#[tokio::test]
async fn a_product_service_in_trouble_is_no_order() {
    let app = TestApp::shared().await;
    let in_trouble = async |mode: &str| {
        let customer = app.customer();
        let product = app.dependencies.product(json!({})).await;
        customer.has_in_cart(&[(5, 1), (product, 1)]).await;
        let fault = json!({ "service": "product", "product_id": product, "mode": mode, "times": 1 });
        app.dependencies.fail(fault).await;

        let answer = places_in_time(&customer).await;

        assert_eq!(answer.status, 503, "{mode}: {}", answer.text);
        answer.expect_retry_after(503);
        nothing_is_left(&app, &customer, mode).await;
        customer.places_an_order().await.expect(201);
    };
    join_all(TROUBLES.into_iter().chain(USELESS).map(in_trouble)).await;
}

#[tokio::test]
async fn a_product_with_an_odd_description_is_sold_all_the_same() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let product = app.dependencies.product(json!({ "mrp": 3.999, "category_id": "fruit", "unit": 7 })).await;
    customer.has_in_cart(&[(product, 1)]).await;

    let order = customer.places_an_order().await.expect(201);

    let shown = &order.json["items"][0]["product"];
    assert_eq!((&shown["id"], &shown["mrp"], &shown["unit"]), (&json!(product), &Value::Null, &Value::Null));
}

#[tokio::test]
async fn a_product_of_impossible_values_is_no_order() {
    let app = TestApp::shared().await;
    let lies = async |(fields, status): (Value, u16)| {
        let customer = app.customer();
        let product = app.dependencies.product(fields.clone()).await;
        customer.has_in_cart(&[(5, 1), (product, 1)]).await;

        let answer = places_in_time(&customer).await;

        assert_eq!(answer.status, status, "{fields}: {}", answer.text);
        if status == 422 {
            let problem = answer.expect_invalid(&["/cart/items/1/product_id"]);
            assert!(problem.detail().contains(&format!("product {product} ")), "{}", problem.text);
        }
        nothing_is_left(&app, &customer, &fields.to_string()).await;
    };
    // Another product than the one asked for is the service's fault.
    let others = [json!({ "id": 5 }), json!({ "id": "five" }), json!({ "id": null })].map(|lie| (lie, 503));
    join_all(others.map(lies)).await;
    join_all(
        [
            json!({ "price": -1 }),
            json!({ "price": 1.999 }),
            json!({ "price": 1e300 }),
            json!({ "price": 100_000_000 }),
            json!({ "price": "free" }),
            json!({ "price": "NaN" }),
            json!({ "price": null }),
            json!({ "price": [2.99] }),
            json!({ "stock_quantity": "many" }),
            json!({ "stock_quantity": null }),
            json!({ "stock_quantity": 1.5 }),
            json!({ "is_active": "yes" }),
            json!({ "name": null }),
            json!({ "name": 7 }),
        ]
        .map(|lie| lies((lie, 422))),
    )
    .await;
}

#[tokio::test]
async fn a_product_without_its_fields_is_no_order() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let lies = [
        (r#"{}"#, 503),
        (r#"{"name": "Apple", "price": 2.99, "stock_quantity": 9}"#, 503),
        (r#"{"id": 5, "price": 2.99, "stock_quantity": 9}"#, 422),
        (r#"{"id": 5, "name": "Apple", "stock_quantity": 9}"#, 422),
        (r#"{"id": 5, "name": "Apple", "price": NaN, "stock_quantity": 9}"#, 503),
    ];
    for (lie, status) in lies {
        let product = app.dependencies.product(json!({})).await;
        customer.has_in_cart(&[(product, 1)]).await;
        let lie = lie.replace("\"id\": 5", &format!("\"id\": {product}"));
        let fault = json!({ "service": "product", "product_id": product, "mode": format!("text:{lie}") });
        app.dependencies.fail(fault).await;

        let answer = places_in_time(&customer).await;

        assert_eq!(answer.status, status, "{lie}: {}", answer.text);
        nothing_is_left(&app, &customer, &lie).await;
    }
}

#[tokio::test]
async fn a_product_in_trouble_is_shown_as_null() {
    let app = TestApp::shared().await;
    let in_trouble = async |mode: &str| {
        let customer = app.customer();
        let product = app.dependencies.product(json!({})).await;
        customer.has_in_cart(&[(5, 1), (product, 1)]).await;
        let id = customer.places_an_order().await.expect(201).id();
        let fault = json!({ "service": "product", "product_id": product, "mode": mode });
        app.dependencies.fail(fault).await;

        let order = customer.reads_order(id).await.expect(200);

        assert_eq!(order.json["items"][0]["product"]["name"], "Apple", "{mode}");
        assert_eq!(order.json["items"][1]["product"], Value::Null, "{mode}");
    };
    join_all(TROUBLES.into_iter().chain(USELESS).map(in_trouble)).await;
}

#[tokio::test]
async fn a_slow_or_mislabelled_product_is_a_product() {
    let app = TestApp::shared().await;
    let good_enough = async |mode: &str| {
        let customer = app.customer();
        let product = app.dependencies.product(json!({})).await;
        customer.has_in_cart(&[(product, 1)]).await;
        app.dependencies.fail(json!({ "service": "product", "product_id": product, "mode": mode })).await;
        places_in_time(&customer).await.expect(201);
    };
    join_all(ODD.map(good_enough)).await;
}

#[tokio::test]
async fn without_the_product_service_orders_are_read_and_none_is_placed() {
    let app = TestApp::own(Setup::default().without_service("product").only("api")).await;
    let customer = app.customer();
    let id = app.database.add_order(&customer.id, "confirmed", None).await;

    let order = customer.reads_order(id).await.expect(200);
    assert_eq!(order.json["items"][0]["product"], Value::Null);
    assert_eq!(customer.lists_orders("").await.expect(200).ids(), [id]);

    places_in_time(&customer).await.expect_retry_after(503);
    assert_eq!(app.database.orders_of(&customer.id).await.len(), 1);
}
