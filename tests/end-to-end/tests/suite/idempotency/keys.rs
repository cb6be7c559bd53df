//! What a key is, and for whom and how long it stands for a request.

use end_to_end::{Answer, TestApp, an_order};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{a_template, is_fresh, is_replay, only_order, posts};

#[tokio::test]
async fn quoted_and_bare_are_the_same_key() {
    let app = TestApp::shared().await;
    let customer = app.customer();

    let first = posts(&customer, "/orders", "\"a-1\"", &an_order()).await.expect(201);
    let again = posts(&customer, "/orders", "a-1", &an_order()).await.expect(201);

    is_replay(&first, &again);
}

#[tokio::test]
async fn a_header_that_is_not_one_key_is_named() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let (long, long_quoted) = ("k".repeat(256), format!("\"{}\"", "k".repeat(256)));
    let malformed: [&[&str]; 8] =
        [&[""], &["\"\""], &["\"open"], &["a, "], &["\"a\"; p=1"], &[&long], &[&long_quoted], &["a", "a"]];
    for values in malformed {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("idempotency-key", value.parse().unwrap());
        }
        let request = customer.request(Method::POST, "/orders").headers(headers).json(&an_order());
        Answer::to(request).await.expect_invalid(&["Idempotency-Key"]);
    }
    assert_eq!(app.database.orders_of(&customer.id).await, Vec::<Value>::new());
    assert_eq!(app.database.idempotency_keys(&customer.id).await, Vec::<Value>::new());
}

#[tokio::test]
async fn another_body_with_the_key_is_refused() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let first = posts(&customer, "/orders", "k", &an_order()).await.expect(201);
    customer.has_in_cart(&[(5, 1)]).await;

    let mut other = an_order();
    other["delivery_address"] = json!("124 Main St");
    posts(&customer, "/orders", "k", &other).await.expect_invalid(&["Idempotency-Key"]);

    // The first request's answer is still there.
    is_replay(&first, &posts(&customer, "/orders", "k", &an_order()).await);
    assert_eq!(only_order(&app, &customer).await, (first.id(), 1, 0));
}

#[tokio::test]
async fn another_route_with_the_key_is_refused() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let order = posts(&customer, "/orders", "k", &an_order()).await.expect(201);
    customer.has_in_cart(&[(5, 1)]).await;
    let other = customer.places_an_order().await.expect(201);
    let cancel = format!("/orders/{}/cancel", order.id());
    posts(&customer, &cancel, "c", &json!({})).await.expect(200);

    posts(&customer, "/orders/scheduled", "k", &an_order()).await.expect_invalid(&["Idempotency-Key"]);
    let path = format!("/orders/{}/cancel", other.id());
    posts(&customer, &path, "c", &json!({})).await.expect_invalid(&["Idempotency-Key"]);

    assert_eq!(app.database.order(other.id()).await["status"], "confirmed");
}

#[tokio::test]
async fn another_persons_key_is_another_key() {
    let app = TestApp::shared().await;
    let (owner, stranger) = (app.customer(), app.customer());
    let id = posts(&owner, "/orders", "k", &an_order()).await.expect(201).id();
    let cancel = format!("/orders/{id}/cancel");
    let cancelled = posts(&owner, &cancel, "c", &json!({})).await.expect(200);

    let own = is_fresh(posts(&stranger, "/orders", "k", &an_order()).await.expect(201));
    let refused = is_fresh(posts(&stranger, &cancel, "c", &json!({})).await.expect_problem(404));

    assert_ne!(own.id(), id);
    assert_eq!(own.json["user_id"], json!(stranger.id));
    assert!(!refused.text.contains(&owner.id));
    // And the 404 is the stranger's answer from then on.
    is_replay(&refused, &posts(&stranger, &cancel, "c", &json!({})).await);
    is_replay(&cancelled, &posts(&owner, &cancel, "c", &json!({})).await);
}

#[tokio::test]
async fn after_a_day_the_key_is_new() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let first = posts(&customer, "/templates", "k", &a_template()).await.expect(201);
    app.database.keys_expire(&customer.id).await;
    // Whether it has been forgotten yet makes no difference, and the body may be another.
    let mut other = a_template();
    other["name"] = json!("Brunch");
    let second = is_fresh(posts(&customer, "/templates", "k", &other).await.expect(201));

    assert_ne!(second.id(), first.id());
}

#[tokio::test]
async fn a_key_that_is_claimed_anew_in_the_same_moment_is_not_answered_as_yesterday() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    posts(&customer, "/templates", "k", &a_template()).await.expect(201);
    let anew = "update idempotency_keys set token = 'another', leased_until = now() + interval '1 minute',
        expires_at = now() + interval '1 day', status = null, headers = null, body = null, outcome = null";
    let whose = format!("where user_id = '{}'", customer.id);
    app.database.keys_expire(&customer.id).await;

    let template = a_template();
    let again = posts(&customer, "/templates", "k", &template);
    let answer = app.database.overtaking(&format!("{anew} {whose}"), again).await;

    answer.expect_retry_after(409);
}

#[tokio::test]
async fn expired_keys_are_forgotten() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    for key in ["a", "b"] {
        posts(&customer, "/templates", key, &a_template()).await.expect(201);
    }
    assert_eq!(app.database.idempotency_keys(&customer.id).await.len(), 2);

    app.database.keys_expire(&customer.id).await;

    app.eventually("the keys are forgotten", async || {
        app.database.idempotency_keys(&customer.id).await.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn without_a_key_or_a_token_nothing_is_kept() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let twice =
        [customer.post("/templates", &a_template()).await, customer.post("/templates", &a_template()).await];
    let [first, second] = twice.map(|answer| answer.expect(201).id());
    assert_ne!(first, second);

    let request = app.request(Method::POST, "/templates").header("idempotency-key", "k").json(&a_template());
    Answer::to(request).await.expect_problem(401);
    // Tickets are secrets of a minute: each is another one.
    let order = app.database.add_order(&customer.id, "confirmed", None).await;
    let path = format!("/orders/{order}/tracking-ticket");
    let tickets =
        [posts(&customer, &path, "k", &json!({})).await, posts(&customer, &path, "k", &json!({})).await];
    let [first, second] = tickets.map(|answer| is_fresh(answer.expect(201)).json["ticket"].clone());
    assert_ne!(first, second);

    assert_eq!(app.database.idempotency_keys(&customer.id).await, Vec::<Value>::new());
}
