//! The route table, and one module for each resource.

pub mod admin;
pub mod analytics;
mod docs;
pub mod health;
mod metrics;
pub mod orders;
mod templates;
mod users;

use http::Method;
use platform::rate_limit::Class;

use crate::router::Route;

/// One line for each route. In brackets stands the class by which its requests are limited, if any, and
/// whether a client may send them again with the same `idempotency_key`.
macro_rules! routes {
    ($($method:ident $path:literal => $handler:path $([$class:ident $(, $mark:ident)?])?,)*) => {
        &[$(Route {
            method: Method::$method,
            path: $path,
            handler: |call| Box::pin($handler(call)),
            class: class!($($class)?),
            takes_idempotency_key: marked!($($($mark)?)?),
        },)*]
    };
}

macro_rules! class {
    () => {
        None
    };
    ($class:ident) => {
        Some(Class::$class)
    };
}

macro_rules! marked {
    () => {
        false
    };
    (idempotency_key) => {
        true
    };
}

pub static ROUTES: &[Route] = routes![
    GET "/health" => health::alive,
    GET "/health/ready" => health::ready,
    GET "/health/dependencies" => health::dependencies,
    GET "/metrics" => metrics::scrape,
    GET "/openapi.json" => docs::document,
    GET "/docs" => docs::page,
    POST "/orders" => orders::place::create [Money, idempotency_key],
    GET "/orders" => orders::list::all [Read],
    GET "/orders/my-orders" => orders::list::mine [Read],
    GET "/orders/export" => orders::export::export [Bulk],
    POST "/orders/scheduled" => orders::place::schedule [Money, idempotency_key],
    PUT "/orders/bulk-status-update" => orders::bulk::update_status [Bulk],
    POST "/orders/bulk-assign-delivery" => orders::bulk::assign [Bulk, idempotency_key],
    GET "/orders/:order_id" => orders::get [Read],
    PUT "/orders/:order_id/status" => orders::status::update [Write],
    PUT "/orders/:order_id/assign-delivery" => orders::assignment::assign [Write],
    PUT "/orders/:order_id/items" => orders::items::replace [Money],
    POST "/orders/:order_id/cancel" => orders::status::cancel [Money, idempotency_key],
    POST "/orders/:order_id/request-return" => orders::status::request_return [Write, idempotency_key],
    POST "/orders/:order_id/feedback" => orders::feedback::submit [Write, idempotency_key],
    GET "/orders/:order_id/feedback" => orders::feedback::get [Read],
    GET "/orders/:order_id/history" => orders::history::get [Read],
    GET "/orders/:order_id/delivery-location" => orders::location::get [Read],
    PUT "/orders/:order_id/delivery-location" => orders::location::report [Write],
    GET "/orders/:order_id/tracking-stream" => orders::tracking::stream [Tracking],
    POST "/orders/:order_id/tracking-ticket" => orders::tracking::issue_ticket [Tracking],
    POST "/templates" => templates::create [Write, idempotency_key],
    GET "/templates" => templates::mine [Read],
    GET "/templates/:template_id" => templates::get [Read],
    DELETE "/templates/:template_id" => templates::delete [Write],
    POST "/templates/:template_id/order" => templates::order [Money, idempotency_key],
    GET "/analytics/revenue" => analytics::revenue [Bulk],
    GET "/analytics/delivery-performance" => analytics::delivery_performance [Bulk],
    GET "/analytics/top-customers" => analytics::top_customers [Bulk],
    GET "/analytics/cancellation-rate" => analytics::cancellation_rate [Bulk],
    GET "/admin/tasks" => admin::tasks [Read],
    POST "/admin/tasks/:task_id/retry" => admin::retry [Write],
    GET "/admin/reconciliation" => admin::reconciliation [Read],
    GET "/admin/users/:user_id/data" => users::export [Bulk],
    DELETE "/admin/users/:user_id/data" => users::erase [Bulk],
];
