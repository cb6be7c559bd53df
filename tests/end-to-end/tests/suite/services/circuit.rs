//! The circuit breaker: a service that keeps failing isn't asked for a while.

use end_to_end::{Person, Proxy, Setup, TestApp, address, servers};
use serde_json::json;

use super::{nothing_is_left, places_in_time};

/// An order that can't be placed, without the service having been asked.
async fn is_refused_unasked(app: &TestApp, customer: &Person<'_>, path: &str) -> Option<()> {
    let before = app.dependencies.calls(&customer.id, path).await.len();
    places_in_time(customer).await.expect_retry_after(503);
    (app.dependencies.calls(&customer.id, path).await.len() == before).then_some(())
}

fn keep(redis: &mut redis::Connection, key: &str, milliseconds: u32) {
    redis::cmd("SET").arg(key).arg("1").arg("PX").arg(milliseconds).exec(redis).expect("Redis answers");
}

fn setup() -> Setup {
    Setup::default().variable("circuit_failures", "3").variable("circuit_open_seconds", "2")
}

#[tokio::test]
async fn a_service_that_keeps_failing_is_left_alone_until_it_is_back() {
    let app = TestApp::own(setup()).await;
    let customer = app.customer();
    app.dependencies.fail(json!({ "service": "cart", "mode": "status:500" })).await;

    app.eventually("the circuit is open", async || is_refused_unasked(&app, &customer, "/api/v1/cart").await)
        .await;
    nothing_is_left(&app, &customer, "an open circuit").await;

    app.dependencies.recover_all().await;
    app.eventually("a probe has closed the circuit", async || {
        (customer.places_an_order().await.status == 201).then_some(())
    })
    .await;
    for _ in 0..5 {
        app.customer().places_an_order().await.expect(201);
    }
}

#[tokio::test]
async fn a_service_that_refuses_some_requests_is_asked_all_the_same() {
    let app = TestApp::own(setup()).await;
    let (unlucky, lucky) = (app.customer(), app.customer());
    unlucky.suffers("cart", "status:403").await;

    for _ in 0..6 {
        unlucky.places_an_order().await.expect_retry_after(503);
    }

    lucky.places_an_order().await.expect(201);
}

#[tokio::test]
async fn a_single_odd_product_is_no_dead_service() {
    let app = TestApp::own(setup()).await;
    let (unlucky, lucky) = (app.customer(), app.customer());
    let odd = app.dependencies.product(json!({ "price": 1.999 })).await;
    unlucky.has_in_cart(&[(odd, 1)]).await;

    for _ in 0..6 {
        unlucky.places_an_order().await.expect_problem(422);
    }

    lucky.places_an_order().await.expect(201);
}

#[tokio::test]
async fn refunds_that_fail_keep_nobody_from_paying() {
    let app = TestApp::own(setup()).await;
    let refunds = json!({ "service": "payment", "path": "/payments/refund", "mode": "status:500" });
    app.dependencies.fail(refunds).await;
    let mut orders = Vec::new();
    for _ in 0..4 {
        let customer = app.customer();
        let id = customer.places_an_order().await.expect(201).id();
        customer.cancels(id).await.expect(200);
        orders.push(id);
    }

    app.eventually("refunds are left alone", async || {
        for id in &orders {
            app.database.hasten(*id).await;
        }
        app.get("/metrics")
            .await
            .text
            .contains("order_circuit_open{service=\"payment-refund\"} 1")
            .then_some(())
    })
    .await;

    for _ in 0..4 {
        app.customer().places_an_order().await.expect(201);
    }
}

#[tokio::test]
async fn a_circuit_that_was_open_when_redis_put_its_clock_back_is_tried() {
    let app = TestApp::own(setup().only("api")).await;
    keep(&mut app.redis(), "orders:circuit:payment:open", 3_600_000);
    let customer = app.customer();

    app.eventually("a probe has closed the circuit", async || {
        let is_placed = customer.places_an_order().await.status == 201;
        let open: bool =
            redis::cmd("EXISTS").arg("orders:circuit:payment:open").query(&mut app.redis()).unwrap();
        (is_placed && !open).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_one_instance_finds_out_counts_for_all() {
    let app = TestApp::own(setup().variable("circuit_open_seconds", "30").only("api")).await;
    app.customer().places_an_order().await.expect(201);
    let mut redis = app.redis();

    // As another instance leaves it when it opens the circuit.
    keep(&mut redis, "orders:circuit:payment:open", 90_000);
    let customer = app.customer();
    app.eventually("this instance has learnt of it", async || {
        customer.has_in_cart(&[(5, 1)]).await;
        (places_in_time(&customer).await.status == 503).then_some(())
    })
    .await;
    is_refused_unasked(&app, &customer, "/payments").await.expect("the payment service is not asked");
    let figures = app.get("/metrics").await.text;
    assert!(figures.contains("order_circuit_open{service=\"payment\"} 1"), "{figures}");
    assert!(figures.contains("order_circuit_open{service=\"cart\"} 0"), "{figures}");
    let orders = app.database.orders_of(&customer.id).await;
    let last = orders.last().expect("the order is stored before it is paid");
    assert_eq!(last["status"], "cancelled");
    let books = app.dependencies.books(last["id"].as_i64().unwrap()).await;
    assert_eq!(books["charges"], json!([]));

    // Half-open, and another instance probes.
    keep(&mut redis, "orders:circuit:payment:probe", 60_000);
    keep(&mut redis, "orders:circuit:payment:open", 60_000);
    is_refused_unasked(&app, &customer, "/payments").await.expect("only one probe at a time");

    // That instance is gone.
    redis::cmd("DEL").arg("orders:circuit:payment:probe").exec(&mut redis).unwrap();
    app.eventually("this instance's probe succeeds", async || {
        (customer.places_an_order().await.status == 201).then_some(())
    })
    .await;
    app.eventually("all know that the service is back", async || {
        let open: bool = redis::cmd("EXISTS").arg("orders:circuit:payment:open").query(&mut redis).unwrap();
        (!open).then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_redis_an_instance_judges_for_itself() {
    let (_, redis) = servers();
    let proxy = Proxy::to(&address(&redis, 6379).unwrap()).await.unwrap();
    // A Redis trigger ends with its Redis and takes the host along.
    let app = TestApp::own(setup().redis_by(proxy.port()).only("api")).await;
    proxy.cut();
    let customer = app.customer();
    app.dependencies.fail(json!({ "service": "cart", "mode": "drop" })).await;

    app.eventually("the circuit is open", async || is_refused_unasked(&app, &customer, "/api/v1/cart").await)
        .await;

    app.dependencies.recover_all().await;
    app.eventually("a probe has closed the circuit", async || {
        (customer.places_an_order().await.status == 201).then_some(())
    })
    .await;
}
