//! `Idempotency-Key`: a request that is sent again is answered again, and not carried out again.

mod crashes;
mod keys;
mod replays;

use end_to_end::{Answer, Person, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

/// Sends a request with this key.
async fn posts(person: &Person<'_>, path: &str, key: &str, body: &Value) -> Answer {
    Answer::to(person.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

/// The same answer as the first, and marked as that.
#[track_caller]
fn is_replay(first: &Answer, again: &Answer) {
    assert_eq!((again.status, again.text.as_str()), (first.status, first.text.as_str()));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert!(first.headers.get("idempotency-replayed").is_none());
    for name in ["content-type", "etag", "location"] {
        assert_eq!(again.headers.get(name), first.headers.get(name), "{name}");
    }
}

/// Not a replay.
#[track_caller]
fn is_fresh(answer: Answer) -> Answer {
    assert!(answer.headers.get("idempotency-replayed").is_none(), "{}", answer.text);
    answer
}

/// The one order that the customer has, and its charges and refunds in the payment service's books.
async fn only_order(app: &TestApp, customer: &Person<'_>) -> (i64, usize, usize) {
    let orders = app.database.orders_of(&customer.id).await;
    assert_eq!(orders.len(), 1, "{orders:?}");
    let id = orders[0]["id"].as_i64().unwrap();
    app.all_done(id).await;
    app.database.history(id).await;
    let books = app.dependencies.books(id).await;
    (id, books["charges"].as_array().unwrap().len(), books["refunds"].as_array().unwrap().len())
}

/// A template of one apple.
fn a_template() -> Value {
    json!({ "name": "Breakfast", "items": [{ "product_id": 5, "quantity": 1 }] })
}
