//! The services that orders depend on: exactly the calls of the specification's integration samples.

mod carts;
mod client;
mod notifications;
mod payments;
mod products;

pub use carts::Carts;
pub use client::{CallError, Client};
pub use notifications::Notifications;
pub use payments::{Entry, PaymentOutcome, Payments};
pub use products::{Product, Products};

/// A service that is needed can't be used now; a sentence for the log.
#[derive(Debug, thiserror::Error)]
#[error("the {service} service: {problem}")]
pub struct ServiceDown {
    pub service: &'static str,
    pub problem: String,
}

impl ServiceDown {
    fn answered(service: &'static str, status: http::StatusCode) -> Self {
        Self { service, problem: format!("answered {status}") }
    }

    fn sent_nonsense(service: &'static str, error: &serde_json::Error) -> Self {
        Self { service, problem: format!("its answer can't be read: {error}") }
    }
}
