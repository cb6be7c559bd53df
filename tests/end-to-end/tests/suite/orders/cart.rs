//! `POST /orders`, where the cart can't be ordered as it is.

use end_to_end::{Answer, Person, TestApp};
use serde_json::{Value, json};

/// A refusal leaves no trace: nothing stored, nothing charged, the cart as it was.
async fn refuses(app: &TestApp, customer: &Person<'_>) -> Answer {
    let cart = app.dependencies.cart(&customer.id).await;
    let answer = customer.places_an_order().await.expect_problem(422);
    assert_eq!(app.database.orders_of(&customer.id).await, Vec::<Value>::new());
    assert_eq!(app.dependencies.calls(&customer.id, "/payments").await, Vec::<Value>::new());
    assert_eq!(app.dependencies.cart(&customer.id).await, cart);
    answer
}

#[track_caller]
fn names(answer: &Answer, words: &[&str]) {
    let errors = answer.json["errors"].to_string();
    for word in words {
        assert!(errors.contains(word), "{word} is missing in {}", answer.text);
    }
}

#[tokio::test]
async fn an_empty_cart_is_refused() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.has_in_cart(&[]).await;

    let answer = refuses(&app, &customer).await;

    assert!(answer.text.contains("empty"), "{}", answer.text);
}

#[tokio::test]
async fn a_customer_without_a_cart_is_told_that_it_is_empty() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    app.dependencies.remove_cart(&customer.id).await;

    let answer = refuses(&app, &customer).await;

    assert!(answer.text.contains("empty"), "{}", answer.text);
}

#[tokio::test]
async fn a_missing_product_is_named() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let gone = app.dependencies.product(json!({})).await;
    app.dependencies.remove_product(gone).await;
    customer.has_in_cart(&[(5, 1), (gone, 1)]).await;

    let answer = refuses(&app, &customer).await;

    names(&answer, &[&gone.to_string()]);
}

#[tokio::test]
async fn a_product_that_is_not_sold_is_named() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let inactive = app.dependencies.product(json!({ "name": "Durian", "is_active": false })).await;
    customer.has_in_cart(&[(inactive, 1)]).await;

    let answer = refuses(&app, &customer).await;

    names(&answer, &[&inactive.to_string(), "Durian"]);
}

#[tokio::test]
async fn short_stock_is_named_with_what_is_left() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let rare = app.dependencies.product(json!({ "name": "Truffle", "stock_quantity": 4 })).await;
    // Together they are too many.
    customer.has_in_cart(&[(rare, 3), (rare, 2)]).await;

    let answer = refuses(&app, &customer).await;

    names(&answer, &[&rare.to_string(), "Truffle", "4"]);
}

#[tokio::test]
async fn all_that_stands_in_the_way_is_named_at_once() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let inactive = app.dependencies.product(json!({ "is_active": false })).await;
    let sold_out = app.dependencies.product(json!({ "stock_quantity": 0 })).await;
    customer.has_in_cart(&[(inactive, 1), (5, 1), (sold_out, 1)]).await;

    let answer = refuses(&app, &customer).await;

    assert_eq!(answer.json["errors"].as_array().map(Vec::len), Some(2));
    names(&answer, &[&inactive.to_string(), &sold_out.to_string()]);
}

#[tokio::test]
async fn a_quantity_out_of_range_is_refused() {
    let app = TestApp::shared().await;
    for quantity in [0, -1, i64::from(i32::MAX), i64::MAX] {
        let customer = app.customer();
        let plenty = app.dependencies.product(json!({ "stock_quantity": i64::MAX })).await;
        customer.has_in_cart(&[(plenty, quantity)]).await;

        let answer = refuses(&app, &customer).await;

        names(&answer, &["quantity"]);
    }
}

#[tokio::test]
async fn a_sum_beyond_the_schema_is_refused() {
    let app = TestApp::shared().await;
    let dear = app.dependencies.product(json!({ "price": 99_999_999.99 })).await;
    // Alone it fits, and the delivery fee is what is too much.
    for quantity in [1, 2] {
        let customer = app.customer();
        customer.has_in_cart(&[(dear, quantity)]).await;

        refuses(&app, &customer).await;
    }
}
