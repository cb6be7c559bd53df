//! What the end-to-end tests stand on: the service as a user runs it (a host, both components,
//! Postgres, Redis) with stand-ins for its dependent services, and words to drive it with.
//!
//! `cargo xtask test` runs the tests and gives them what they need by environment variables.

mod answer;
mod app;
mod bare_database;
mod browser;
pub mod chaos;
mod client;
mod database;
mod dependencies;
mod environment;
mod event_stream;
mod examples;
mod gateway;
mod person;
mod plans;
mod process;
mod proxy;
mod setup;
mod tokens;

pub use answer::Answer;
pub use app::{TestApp, servers, unique};
pub use bare_database::BareDatabase;
pub use browser::Browser;
pub use database::Database;
pub use dependencies::Dependencies;
pub use event_stream::{Block, EventStream};
pub use examples::{STATUSES, a_place, an_order};
pub use gateway::{Gateway, Recorder};
pub use person::Person;
pub use plans::Plan;
pub use proxy::Proxy;
pub use setup::{Setup, address};
pub use tokens::{Token, claims, exactly};
