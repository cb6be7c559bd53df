//! Services and servers that are down or lie: what the answers are, and that nothing is left behind.

use end_to_end::{Proxy, Setup, TestApp, address, servers};
use futures::future::join_all;
use serde_json::{Value, json};

const TROUBLES: [&str; 8] =
    ["status:500", "status:503", "timeout", "drop", "garbage", "wrong_types", "huge", "redirect"];

#[tokio::test]
async fn without_the_cart_service_no_order_is_placed() {
    let app = TestApp::shared().await;
    let in_trouble = async |mode: &str| {
        let customer = app.customer();
        customer.suffers_once("cart", mode).await;

        customer.places_an_order().await.expect_retry_after(503);

        assert_eq!(app.database.orders_of(&customer.id).await, Vec::<Value>::new(), "{mode}");
        assert_eq!(app.dependencies.calls(&customer.id, "/payments").await, Vec::<Value>::new(), "{mode}");
        // The failed try is in nobody's way.
        customer.places_an_order().await.expect(201);
    };
    join_all(TROUBLES.map(in_trouble)).await;
}

#[tokio::test]
async fn without_the_product_service_no_order_is_placed() {
    let app = TestApp::shared().await;
    let in_trouble = async |mode: &str| {
        let customer = app.customer();
        let product = app.dependencies.product(json!({})).await;
        customer.has_in_cart(&[(5, 1), (product, 1)]).await;
        let fault = json!({ "service": "product", "product_id": product, "mode": mode, "times": 1 });
        app.dependencies.fail(fault).await;

        customer.places_an_order().await.expect_retry_after(503);

        assert_eq!(app.database.orders_of(&customer.id).await, Vec::<Value>::new(), "{mode}");
        customer.places_an_order().await.expect(201);
    };
    join_all(TROUBLES.map(in_trouble)).await;
}

#[tokio::test]
async fn a_catalogue_or_cart_of_impossible_values_is_no_order() {
    let app = TestApp::shared().await;
    for fields in [
        json!({ "price": -1 }),
        json!({ "price": 1.999 }),
        json!({ "price": 1e300 }),
        json!({ "price": "free" }),
        json!({ "price": null }),
        json!({ "stock_quantity": "many" }),
        json!({ "stock_quantity": null }),
        json!({ "is_active": "yes" }),
        json!({ "name": null }),
    ] {
        let customer = app.customer();
        let product = app.dependencies.product(fields.clone()).await;
        customer.has_in_cart(&[(product, 1)]).await;

        customer.places_an_order().await.expect_retry_after(503);
    }
    for items in [json!([7]), json!([{}]), json!([{ "product_id": -5, "quantity": 1 }]), json!([null])] {
        let customer = app.customer();
        app.dependencies.set_cart(&customer.id, items.clone()).await;

        customer.places_an_order().await.expect_retry_after(503);
    }
}

#[tokio::test]
async fn a_slow_service_is_waited_for() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers("cart", "slow:500").await;

    customer.places_an_order().await.expect(201);
}

#[tokio::test]
async fn without_postgres_requests_are_refused_until_it_is_back() {
    let (database, _) = servers();
    let proxy = Proxy::to(&address(&database, 5432).unwrap()).await.unwrap();
    let app = TestApp::own(Setup::default().database_by(proxy.port())).await;
    let customer = app.customer();
    let placed = customer.places_an_order().await.expect(201);

    proxy.cut();
    customer.lists_orders("").await.expect_retry_after(503);
    customer.reads_order(placed.id()).await.expect_retry_after(503);
    customer.has_in_cart(&[(5, 1)]).await;
    customer.places_an_order().await.expect_retry_after(503);
    app.get("/health").await.expect(200);

    proxy.mend();
    app.eventually("the service has recovered by itself", async || {
        (customer.reads_order(placed.id()).await.status == 200).then_some(())
    })
    .await;
    app.eventually("orders are placed again", async || {
        (customer.places_an_order().await.status == 201).then_some(())
    })
    .await;
    assert_eq!(app.database.orders_of(&customer.id).await.len(), 2);
}

#[tokio::test]
async fn without_redis_orders_are_placed_all_the_same() {
    let (_, redis) = servers();
    let proxy = Proxy::to(&address(&redis, 6379).unwrap()).await.unwrap();
    // A Redis trigger ends with its Redis and takes the host along; the API alone must live on.
    let app = TestApp::own(Setup::default().redis_by(proxy.port()).only("api")).await;
    let customer = app.customer();

    proxy.cut();
    let order = customer.places_an_order().await.expect(201);
    customer.reads_order(order.id()).await.expect(200);
    app.get("/health").await.expect(200);

    proxy.mend();
    app.customer().places_an_order().await.expect(201);
}
