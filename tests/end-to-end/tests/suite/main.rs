//! The service as its users meet it. A module for each route or concern; a test's name is a situation.

mod admin;
mod analytics;
mod auth;
mod bad_input;
mod browser;
mod chaos;
mod deployment;
mod docs;
mod idempotency;
mod introspection;
mod notifications;
mod operations;
mod orders;
mod outages;
mod paths;
mod plans;
mod problems;
mod roles;
mod schema;
mod services;
mod specification;
mod templates;
