//! Postgres or Redis down: what the answers are, and that the service recovers by itself.

use std::time::{Duration, Instant};

use end_to_end::{Answer, Proxy, Setup, TestApp, address, servers};

/// Far less than any timeout, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Less than any command waits for a Redis that doesn't answer.
const WAIT_FOR_REDIS: Duration = Duration::from_millis(500);

/// How long an answer takes.
async fn timed(answer: impl Future<Output = Answer>) -> (Duration, Answer) {
    let started = Instant::now();
    let answer = answer.await;
    (started.elapsed(), answer)
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

#[tokio::test]
async fn a_postgres_that_refuses_is_a_503_at_once() {
    // Nothing listens there.
    let app = TestApp::own(Setup::default().database_by(1).only("api")).await;
    let customer = app.customer();

    for _ in 0..5 {
        let (took, answer) = timed(customer.lists_orders("")).await;
        answer.expect_retry_after(503);
        assert!(took < AT_ONCE, "{took:?}");
        let (took, answer) = timed(customer.places_an_order()).await;
        answer.expect_retry_after(503);
        assert!(took < AT_ONCE, "{took:?}");
    }
    app.get("/health").await.expect(200);
}

#[tokio::test]
async fn a_postgres_that_never_answers_soon_holds_up_nobody() {
    let (database, _) = servers();
    let proxy = Proxy::to(&address(&database, 5432).unwrap()).await.unwrap();
    let app = TestApp::own(Setup::default().database_by(proxy.port())).await;
    let customer = app.customer();
    let placed = customer.places_an_order().await.expect(201);

    proxy.freeze();
    app.eventually("a request is refused at once", async || {
        let (took, answer) = timed(customer.reads_order(placed.id())).await;
        answer.expect_retry_after(503);
        (took < AT_ONCE).then_some(())
    })
    .await;

    proxy.mend();
    app.eventually("the service has recovered by itself", async || {
        (customer.reads_order(placed.id()).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_never_answers_holds_nobody_up_for_long() {
    let (_, redis) = servers();
    let proxy = Proxy::to(&address(&redis, 6379).unwrap()).await.unwrap();
    let app = TestApp::own(Setup::default().redis_by(proxy.port()).only("api")).await;
    let customer = app.customer();
    let placed = customer.places_an_order().await.expect(201);

    proxy.freeze();
    app.eventually("a request is answered without waiting for Redis", async || {
        let (took, answer) = timed(customer.reads_order(placed.id())).await;
        answer.expect(200);
        (took < WAIT_FOR_REDIS).then_some(())
    })
    .await;
    proxy.mend();
}
