//! `/orders`.

mod assignment;
mod cancel;
mod cart;
mod contention;
mod feedback;
mod history;
mod invalid;
mod my_orders;
mod payment;
mod placing;
mod reading;
mod returns;
mod status;
