//! `/orders`.

mod cart;
mod contention;
mod invalid;
mod my_orders;
mod payment;
mod placing;
mod reading;
