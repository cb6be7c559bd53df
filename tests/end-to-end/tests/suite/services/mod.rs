//! The services that orders depend on: down, slow, lying or refusing. Whatever they do, the answer is the
//! documented one, in time, and nothing half-done is left behind.

mod cart;
mod circuit;
mod notification;
mod product;

use std::time::{Duration, Instant};

use end_to_end::{Answer, Person, TestApp};
use serde_json::Value;

/// A service is waited for 2 seconds; the rest is for a busy machine.
const IN_TIME: Duration = Duration::from_secs(10);

/// What can go wrong with any call.
const TROUBLES: [&str; 11] = [
    "timeout",
    "drop",
    "drop_after",
    "cut",
    "huge",
    "redirect",
    "status:304",
    "status:401",
    "status:429",
    "status:500",
    "status:503",
];

/// Answers that are of no use to who needs to read them.
const USELESS: [&str; 9] = [
    "garbage",
    "wrong_types",
    "status:101",
    "status:204",
    "text:",
    "text:null",
    "text:[]",
    "text:NaN",
    "text:{\"items\": [",
];

/// Answers that are unusual, and as good as any.
const ODD: [&str; 2] = ["slow:500", "mislabelled"];

/// Places an order, within the time that the configured timeouts allow.
async fn places_in_time(customer: &Person<'_>) -> Answer {
    let started = Instant::now();
    let answer = customer.places_an_order().await;
    assert!(started.elapsed() < IN_TIME, "{:?}", started.elapsed());
    answer
}

/// No order, no payment, the cart free for the next try.
async fn nothing_is_left(app: &TestApp, customer: &Person<'_>, trouble: &str) {
    assert_eq!(app.database.orders_of(&customer.id).await, Vec::<Value>::new(), "{trouble}");
    assert_eq!(app.dependencies.calls(&customer.id, "/payments").await, Vec::<Value>::new(), "{trouble}");
}
