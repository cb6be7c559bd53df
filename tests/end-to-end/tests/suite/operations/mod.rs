//! What those who run the service see of it.

mod caches;
mod cors;
mod health;
mod limits;
mod log;
mod metrics;
mod rate_limits;
