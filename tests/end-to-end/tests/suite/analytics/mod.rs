//! `/analytics`: each figure against a computation of the test's own, over random orders.

mod customers;
mod deliveries;
mod revenue;

use chrono::{DateTime, Utc};

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
