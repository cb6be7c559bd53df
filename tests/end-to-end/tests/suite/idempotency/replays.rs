//! The answers to requests that are sent more than once.

use end_to_end::{Answer, Setup, TestApp, an_order};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{a_template, is_fresh, is_replay, only_order, posts};

#[tokio::test]
async fn a_hundred_simultaneous_creations_make_one_order_and_one_charge() {
    let app = TestApp::shared().await;
    let (customer, order) = (app.customer(), an_order());

    let answers = join_all((0..100).map(|_| posts(&customer, "/orders", "k", &order))).await;

    let (placed, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    let (replays, first): (Vec<_>, Vec<_>) =
        placed.into_iter().partition(|answer| answer.headers.contains_key("idempotency-replayed"));
    assert_eq!(first.len(), 1);
    for replay in &replays {
        is_replay(&first[0], replay);
    }
    for answer in refused {
        answer.expect_retry_after(409);
    }
    is_replay(&first[0], &posts(&customer, "/orders", "k", &an_order()).await);
    assert_eq!(only_order(&app, &customer).await, (first[0].id(), 1, 0));
    assert_eq!(app.dependencies.books(first[0].id()).await["duplicates"], 0);
}

#[tokio::test]
async fn every_creation_is_replayed_to_the_byte() {
    let app = TestApp::shared().await;
    let (customer, admin) = (app.customer(), app.admin());
    let template = customer.post("/templates", &a_template()).await.expect(201).id();
    let delivered = app.database.add_order(&customer.id, "delivered", None).await;
    let returned = app.database.add_order(&customer.id, "delivered", None).await;
    let mut later = an_order();
    later["scheduled_for"] = json!(chrono::Utc::now() + chrono::TimeDelta::hours(2));
    let bulk = json!({ "order_ids": [delivered, i32::MAX], "delivery_partner_id": "courier-7" });
    let cases = [
        (&customer, "/orders".to_owned(), an_order(), 201),
        (&customer, "/orders/scheduled".to_owned(), later, 201),
        (&customer, "/templates".to_owned(), a_template(), 201),
        (&customer, format!("/templates/{template}/order"), an_order(), 201),
        (&customer, format!("/orders/{delivered}/feedback"), json!({ "rating": 4 }), 201),
        (&customer, format!("/orders/{returned}/request-return"), json!({ "reason": "stale" }), 200),
        (&admin, "/orders/bulk-assign-delivery".to_owned(), bulk, 200),
    ];
    for (n, (person, path, body, status)) in cases.into_iter().enumerate() {
        person.has_in_cart(&[(5, 1)]).await;
        let key = format!("\"key {n}\"");
        let first = is_fresh(posts(person, &path, &key, &body).await.expect(status));
        // The world moves on; the answer doesn't. A trailing slash makes no difference.
        person.has_in_cart(&[(5, 2)]).await;
        is_replay(&first, &posts(person, &path, &key, &body).await);
        is_replay(&first, &posts(person, &format!("{path}/"), &key, &body).await);
    }
    assert_eq!(app.database.orders_of(&customer.id).await.len(), 5);
    assert_eq!(app.database.history(returned).await.len(), 3);
}

#[tokio::test]
async fn a_cancellation_replayed_says_the_same_and_refunds_once() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let id = customer.places_an_order().await.expect(201).id();
    let path = format!("/orders/{id}/cancel");

    let first = posts(&customer, &path, "k", &json!({})).await.expect(200);
    let again = posts(&customer, &path, "k", &json!({})).await;

    assert_eq!(first.json["refund_initiated"], true);
    is_replay(&first, &again);
    // With another key it is another request.
    is_fresh(posts(&customer, &path, "l", &json!({})).await.expect_problem(409));
    assert_eq!(only_order(&app, &customer).await, (id, 1, 1));
}

#[tokio::test]
async fn a_declined_payment_is_replayed_and_not_tried_again() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers_once("payment", "decline").await;

    let first = posts(&customer, "/orders", "k", &an_order()).await.expect_problem(402);
    let again = posts(&customer, "/orders", "k", &an_order()).await;

    is_replay(&first, &again);
    let (_, charges, _) = only_order(&app, &customer).await;
    assert_eq!(charges, 0);
    assert_eq!(app.dependencies.calls(&customer.id, "/payments").await.len(), 1);
    // A new try is a new request.
    is_fresh(posts(&customer, "/orders", "l", &an_order()).await.expect(201));
}

#[tokio::test]
async fn an_order_of_unknown_payment_is_replayed_as_it_was() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers_once("payment", "drop_after").await;

    let first = posts(&customer, "/orders", "k", &an_order()).await.expect(202);
    assert_eq!(only_order(&app, &customer).await, (first.id(), 1, 0));
    let again = posts(&customer, "/orders", "k", &an_order()).await;

    is_replay(&first, &again);
    assert_eq!(only_order(&app, &customer).await, (first.id(), 1, 0));
}

#[tokio::test]
async fn refusals_are_replayed() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    let confirmed = app.database.add_order(&customer.id, "confirmed", None).await;
    for (path, body, status) in [
        ("/orders".to_owned(), json!({}), 422),
        ("/orders/2147483647/cancel".to_owned(), json!({}), 404),
        (format!("/orders/{confirmed}/request-return"), json!({}), 409),
        ("/orders/bulk-assign-delivery".to_owned(), json!({}), 403),
    ] {
        let first = posts(&customer, &path, &path, &body).await.expect_problem(status);
        is_replay(&first, &posts(&customer, &path, &path, &body).await);
    }
}

#[tokio::test]
async fn an_answer_that_invites_to_try_again_is_not_kept() {
    let app = TestApp::shared().await;
    let customer = app.customer();
    customer.suffers_once("cart", "status:500").await;

    posts(&customer, "/orders", "k", &an_order()).await.expect_retry_after(503);
    assert_eq!(app.database.idempotency_keys(&customer.id).await, Vec::<Value>::new());
    let order = is_fresh(posts(&customer, "/orders", "k", &an_order()).await.expect(201));

    assert_eq!(only_order(&app, &customer).await, (order.id(), 1, 0));

    // Nor is one that asks for another precondition.
    let cancel = |tag: &str| {
        let path = format!("/orders/{}/cancel", order.id());
        customer.request(Method::POST, &path).header("idempotency-key", "c").header("if-match", tag)
    };
    Answer::to(cancel("\"1\"")).await.expect_problem(412);
    is_fresh(Answer::to(cancel("\"2\"")).await.expect(200));

    // Nor is one that comes of a payment that was not reached: the next try makes another order.
    let unpaid = TestApp::own(Setup::default().without_service("payment")).await;
    let other = unpaid.customer();
    for _ in 0..2 {
        posts(&other, "/orders", "k", &an_order()).await.expect_retry_after(503);
    }
    assert_eq!(unpaid.database.orders_of(&other.id).await.len(), 2);
}
