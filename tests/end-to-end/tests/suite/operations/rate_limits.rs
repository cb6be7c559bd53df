//! Too many requests.

use end_to_end::{Answer, Proxy, Setup, TestApp, address, servers};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

fn limited(limits: &str) -> Setup {
    Setup::default().variable("rate_limits", limits)
}

#[tokio::test]
async fn who_sends_too_much_is_told_when_to_come_again() {
    let app = TestApp::own(limited("read=3/60, write=1/60")).await;
    let customer = app.customer();

    for remaining in [2, 1, 0] {
        let answer = customer.get("/orders/my-orders").await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), "\"read\";q=3;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"read\";r={remaining};t=")));
    }
    let refused = customer.get("/orders/my-orders").await.expect_retry_after(429);
    assert_eq!(refused.header("ratelimit-policy"), "\"read\";q=3;w=60");
    assert!(refused.header("ratelimit").starts_with("\"read\";r=0;t="));

    // Others aren't affected, nor is anything that is limited by itself or not at all.
    app.customer().get("/orders/my-orders").await.expect(200);
    let template = json!({ "name": "Pack", "items": [{ "product_id": 5, "quantity": 1 }] });
    customer.post("/templates", &template).await.expect(201);
    customer.post("/templates", &template).await.expect_retry_after(429);
    app.get("/health").await.expect(200);
    let used_up = format!("orders:rate:read:user:{}", customer.id);
    let left: i64 = redis::cmd("PTTL").arg(&used_up).query(&mut app.redis()).unwrap();
    assert!((1..=60_000).contains(&left), "it is forgotten in time: {left}");
    redis::cmd("DEL").arg(&used_up).exec(&mut app.redis()).unwrap();
    customer.get("/orders/my-orders").await.expect(200);
}

#[tokio::test]
async fn a_limit_that_outlasts_its_window_is_none() {
    let app = TestApp::own(limited("read=3/60")).await;
    let customer = app.customer();
    customer.get("/orders/my-orders").await.expect(200);
    let key = format!("orders:rate:read:user:{}", customer.id);
    let next_year = (chrono::Utc::now() + chrono::TimeDelta::days(365)).timestamp_micros();
    redis::cmd("SET").arg(&key).arg(next_year).exec(&mut app.redis()).unwrap();

    // As after Redis's clock was put back.
    customer.get("/orders/my-orders").await.expect(200);
}

#[tokio::test]
async fn of_many_at_once_exactly_the_quota_passes() {
    let app = TestApp::own(limited("read=20/3600")).await;
    let customer = app.customer();

    let answers = join_all((0..60).map(|_| customer.get("/orders/my-orders"))).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 20);
    assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 40);
}

#[tokio::test]
async fn strangers_are_limited_by_address_and_cant_make_one_up() {
    let app = TestApp::own(limited("anonymous=4/3600")).await;
    let guess = async |forged: &str| {
        let request = app.request(Method::GET, "/orders/1").header("authorization", "Bearer guess");
        let request = request.header("x-forwarded-for", forged).header("spin-client-addr", forged);
        Answer::to(request).await.status
    };
    for number in 0..4 {
        assert_eq!(guess(&format!("198.51.100.{number}")).await, 401);
    }
    assert_eq!(guess("198.51.100.99").await, 429);
    app.customer().get("/orders/my-orders").await.expect(200);
}

#[tokio::test]
async fn behind_a_trusted_gateway_each_client_has_its_own_quota() {
    let setup = limited("anonymous=1/3600").variable("trusted_proxies", "127.0.0.0/8");
    let app = TestApp::own(setup).await;
    let from = async |chain: &str| {
        let request = app.request(Method::GET, "/orders/1").header("x-forwarded-for", chain);
        Answer::to(request).await.status
    };
    assert_eq!(from("198.51.100.1").await, 401);
    assert_eq!(from("198.51.100.1").await, 429);
    assert_eq!(from("198.51.100.2").await, 401);
    // What a client adds itself stands before what the gateway saw.
    assert_eq!(from("203.0.113.7, 198.51.100.2").await, 429);
}

#[tokio::test]
async fn without_redis_nobody_is_refused() {
    let (_, redis) = servers();
    let proxy = Proxy::to(&address(&redis, 6379).unwrap()).await.unwrap();
    let app = TestApp::own(limited("read=1/3600").redis_by(proxy.port()).only("api")).await;
    let customer = app.customer();

    proxy.cut();

    for _ in 0..3 {
        customer.get("/orders/my-orders").await.expect(200);
    }
}
