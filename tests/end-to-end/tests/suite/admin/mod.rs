//! `/admin`: the work behind orders.

mod reconciliation;
mod tasks;
mod users;
