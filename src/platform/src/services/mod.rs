//! The services that orders depend on: exactly the calls of the specification's integration samples.

mod carts;
mod client;
mod exchange;
mod notifications;
mod payments;
mod product_cache;
mod products;
mod tokens;

use std::time::Duration;

pub use carts::Carts;
pub use client::{CallError, Client};
pub use notifications::{Confirmation, Notifications, StatusUpdate};
pub use payments::{PaymentOutcome, Payments};
pub use product_cache::ProductCache;
pub use products::{Documents, Product, Products};
pub use tokens::Tokens;

/// A service that is needed can't be used now; a sentence for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {service} service: {problem}")]
pub struct ServiceDown {
    pub service: &'static str,
    pub problem: String,
    /// How long it is left alone, where that is known.
    pub retry_after: Option<Duration>,
}
