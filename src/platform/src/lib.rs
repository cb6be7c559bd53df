//! The host's side of the service: Postgres, Redis, the dependent services, variables and logs. Only
//! this crate knows SQL and the host; what it answers are the domain's types.

pub mod analytics;
mod author;
pub mod backlog;
pub mod checkout;
pub mod circuit;
mod conditions;
mod customer;
pub mod database;
mod flag;
pub mod health;
pub mod idempotency;
mod json;
pub mod ledger;
pub mod log;
pub mod metrics;
pub mod order_cache;
pub mod orders;
pub mod outbox;
mod parameters;
pub mod personal_data;
mod random;
pub mod rate_limit;
pub mod reconciliation;
pub mod redis;
pub mod services;
pub mod settlement;
mod shared;
mod silence;
pub mod templates;
pub mod tickets;
mod timeout;
pub mod trace;
pub mod variables;
pub mod wake;

pub use author::Author;
pub use database::{Database, DbError};
pub use json::to_json;
pub use random::random_id;
pub use redis::Redis;
pub use timeout::within;
pub use trace::Trace;
