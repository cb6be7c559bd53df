//! What those who run the service see of it.

mod cors;
mod health;
mod limits;
mod log;
mod metrics;
mod rate_limits;
