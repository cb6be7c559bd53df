//! The cart service.

use chrono::{DateTime, TimeDelta, Utc};
use end_to_end::{Person, Setup, TestApp, an_order};
use futures::future::{join, join_all};
use serde_json::{Value, json};

use super::{ODD, TROUBLES, USELESS, nothing_is_left, places_in_time};

#[tokio::test]
async fn a_cart_service_in_trouble_is_no_order() {
    let app = TestApp::shared().await;
    let in_trouble = async |mode: &str| {
        let customer = app.customer();
        customer.suffers_once("cart", mode).await;

        let answer = places_in_time(&customer).await;

        assert_eq!(answer.status, 503, "{mode}: {}", answer.text);
        answer.expect_retry_after(503);
        nothing_is_left(&app, &customer, mode).await;
        // The failed try is in nobody's way.
        customer.places_an_order().await.expect(201);
    };
    join_all(TROUBLES.into_iter().chain(USELESS).map(in_trouble)).await;
}

#[tokio::test]
async fn a_cart_of_impossible_lines_is_no_order() {
    let app = TestApp::shared().await;
    let lies = async |(line, status): (&str, u16)| {
        let customer = app.customer();
        customer.suffers("cart", &format!("text:{{\"items\": [{line}]}}")).await;

        let answer = places_in_time(&customer).await;

        assert_eq!(answer.status, status, "{line}: {}", answer.text);
        nothing_is_left(&app, &customer, line).await;
    };
    // What can't be read is the service's fault, what can't be ordered is the customer's to change.
    join_all(
        [
            ("7", 503),
            ("null", 503),
            ("{}", 503),
            (r#"{"product_id": 5}"#, 503),
            (r#"{"quantity": 1}"#, 503),
            (r#"{"product_id": "five", "quantity": 1}"#, 503),
            (r#"{"product_id": -5, "quantity": 1}"#, 503),
            (r#"{"product_id": 2147483648, "quantity": 1}"#, 503),
            (r#"{"product_id": 5.5, "quantity": 1}"#, 503),
            (r#"{"product_id": 5, "quantity": "1"}"#, 503),
            (r#"{"product_id": 5, "quantity": null}"#, 503),
            (r#"{"product_id": 5, "quantity": 1.5}"#, 503),
            (r#"{"product_id": 5, "quantity": NaN}"#, 503),
            (r#"{"product_id": 5, "quantity": 1e300}"#, 503),
            (r#"{"product_id": 5, "quantity": 99999999999999999999}"#, 503),
            (r#"{"product_id": 5, "quantity": 0}"#, 422),
            (r#"{"product_id": 5, "quantity": -1}"#, 422),
            (r#"{"product_id": 5, "quantity": 2147483648}"#, 422),
            ("", 422),
        ]
        .map(lies),
    )
    .await;
}

#[tokio::test]
async fn what_is_put_into_the_cart_while_the_payment_is_awaited_stays_there() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.has_in_cart(&[(5, 1)]).await;
    customer.suffers("payment", "slow:1500").await;

    let goes_on_shopping = async {
        app.eventually("the payment is asked for", async || {
            let charges = app.dependencies.calls(&customer.id, "/payments").await;
            (!charges.is_empty()).then_some(())
        })
        .await;
        customer.has_in_cart(&[(5, 1), (8, 2)]).await;
    };
    let (answer, ()) = join(customer.places_an_order(), goes_on_shopping).await;

    let id = answer.expect(201).id();
    assert_eq!(app.database.items(id).await.len(), 1);
    app.all_done(id).await;
    assert_eq!(app.dependencies.cart(&customer.id).await.len(), 2);
    customer.is_fine_again().await;
    customer.places_an_order().await.expect(201);
}

#[tokio::test]
async fn a_cart_that_lists_a_product_twice_is_ordered_as_a_whole() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.has_in_cart(&[(5, 1), (8, 1), (5, 1)]).await;

    let order = customer.places_an_order().await.expect(201);

    assert_eq!(order.raw("/total_amount"), "25.97");
    assert_eq!(app.database.items(order.id()).await.len(), 2);
}

#[tokio::test]
async fn a_giant_cart_is_refused_before_its_products_are_asked_for() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let first = 200_000;
    let lines: Vec<(u32, i64)> = (first..first + 10_000).map(|id| (id, 1)).collect();
    customer.has_in_cart(&lines).await;

    let answer = places_in_time(&customer).await;

    answer.expect_invalid(&["/cart/items"]);
    assert_eq!(app.dependencies.product_calls(first).await, Vec::<Value>::new());
    nothing_is_left(&app, &customer, "10,000 products").await;
}

#[tokio::test]
async fn not_every_wrong_line_of_a_giant_cart_is_named() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.has_in_cart(&[(5, 0); 10_000]).await;

    let answer = places_in_time(&customer).await.expect_problem(422);

    assert_eq!(answer.json["errors"].as_array().map(Vec::len), Some(100));
}

#[tokio::test]
async fn a_slow_or_mislabelled_cart_is_a_cart() {
    let app = TestApp::shared().await;
    let good_enough = async |mode: &str| {
        let customer = app.customer();
        customer.suffers("cart", mode).await;
        places_in_time(&customer).await.expect(201);
    };
    join_all(ODD.map(good_enough)).await;
}

/// The customer's cart can't be cleared at the first tries.
async fn is_not_cleared_at_first(app: &TestApp, customer: &Person<'_>, (mode, times): (&str, u32)) {
    let path = format!("/api/v1/cart/{}/clear", customer.id);
    let fault =
        json!({ "service": "cart", "user_id": customer.id, "path": path, "mode": mode, "times": times });
    app.dependencies.fail(fault).await;
}

#[tokio::test]
async fn a_cart_that_cannot_be_cleared_is_cleared_later() {
    let app = TestApp::shared().await;
    let in_trouble = async |mode: &str| {
        let customer = app.customer();
        is_not_cleared_at_first(&app, &customer, (mode, 1)).await;

        let order = places_in_time(&customer).await.expect(201);

        app.all_done(order.id()).await;
        assert_eq!(app.dependencies.cart(&customer.id).await, Vec::<Value>::new(), "{mode}");
    };
    join_all(["timeout", "drop", "huge", "redirect", "status:500", "status:403"].map(in_trouble)).await;
}

#[tokio::test]
async fn what_was_put_into_a_cart_before_it_could_be_cleared_stays() {
    let app = TestApp::shared().await;
    // The first is emptied without an answer, the second isn't.
    let filled_anew = async |mode: &str, cart: &[(u32, i64)]| {
        let customer = app.customer();
        is_not_cleared_at_first(&app, &customer, (mode, 1)).await;
        let order = places_in_time(&customer).await.expect(201);
        customer.has_in_cart(cart).await;

        app.all_done(order.id()).await;

        assert_eq!(app.dependencies.cart(&customer.id).await.len(), cart.len(), "{mode}");
        let next = customer.places(&an_order()).await.expect(201);
        assert_eq!(app.database.items(next.id()).await.len(), cart.len(), "{mode}");
    };
    filled_anew("drop_after", &[(8, 3)]).await;
    filled_anew("status:500", &[(5, 2), (8, 1), (9, 1)]).await;
}

#[tokio::test]
async fn a_cart_is_cleared_though_its_order_has_other_items_by_then() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    // The second is that of the task, whose next is seconds away.
    is_not_cleared_at_first(&app, &customer, ("status:500", 2)).await;
    let order = places_in_time(&customer).await.expect(201);
    let items = json!({ "items": [{ "product_id": 8, "quantity": 1 }] });
    customer.put(&format!("/orders/{}/items", order.id()), &items).await.expect(200);

    app.all_done(order.id()).await;

    assert_eq!(app.dependencies.cart(&customer.id).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_cart_is_cleared_by_a_task_of_the_release_before() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    is_not_cleared_at_first(&app, &customer, ("status:500", 2)).await;
    let order = places_in_time(&customer).await.expect(201);
    let older =
        format!("update tasks set payload = '{{}}' where order_id = {} and kind = 'cart.clear'", order.id());
    app.database.tamper(&older).await;

    app.all_done(order.id()).await;

    assert_eq!(app.dependencies.cart(&customer.id).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_cart_is_tried_again_every_few_minutes_and_not_given_up_the_same_day() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    is_not_cleared_at_first(&app, &customer, ("status:500", 1_000)).await;
    let order = places_in_time(&customer).await.expect(201).id();
    let tried = format!("update tasks set attempts = 40 where order_id = {order} and kind = 'cart.clear'");
    app.database.tamper(&tried).await;

    let task = app
        .eventually("it was tried once more", async || {
            app.database.hasten(order).await;
            let tasks = app.database.tasks(order).await;
            tasks
                .into_iter()
                .find(|task| task["attempts"].as_i64() > Some(40) && task["claimed_at"].is_null())
        })
        .await;

    assert_eq!((&task["kind"], &task["status"]), (&json!("cart.clear"), &json!("queued")));
    let due: DateTime<Utc> = task["due_at"].as_str().unwrap().parse().unwrap();
    assert!(due - Utc::now() <= TimeDelta::minutes(5), "{due}");
    customer.is_fine_again().await;
    app.all_done(order).await;
}

#[tokio::test]
async fn a_cart_service_that_refuses_connections_is_no_order() {
    let app = TestApp::own(Setup::default().without_service("cart").only("api")).await;
    let customer = app.customer();

    places_in_time(&customer).await.expect_retry_after(503);

    nothing_is_left(&app, &customer, "refused").await;
}
