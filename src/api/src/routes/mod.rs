//! The route table, and one module for each resource.

mod analytics;
mod health;
mod metrics;
mod orders;
mod templates;

use http::Method;

use crate::router::Route;

/// One line for each route. Those marked `[idempotency_key]` create something or move money: a client
/// may send them again with the same key.
macro_rules! routes {
    ($($method:ident $path:literal => $handler:path $([$mark:ident])?,)*) => {
        &[$(Route {
            method: Method::$method,
            path: $path,
            handler: |call| Box::pin($handler(call)),
            takes_idempotency_key: marked!($($mark)?),
        },)*]
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
    POST "/orders" => orders::place::create [idempotency_key],
    GET "/orders" => orders::list::all,
    GET "/orders/my-orders" => orders::list::mine,
    GET "/orders/export" => orders::export::export,
    POST "/orders/scheduled" => orders::place::schedule [idempotency_key],
    PUT "/orders/bulk-status-update" => orders::bulk::update_status,
    POST "/orders/bulk-assign-delivery" => orders::bulk::assign [idempotency_key],
    GET "/orders/:order_id" => orders::get,
    PUT "/orders/:order_id/status" => orders::status::update,
    PUT "/orders/:order_id/assign-delivery" => orders::assignment::assign,
    PUT "/orders/:order_id/items" => orders::items::replace,
    POST "/orders/:order_id/cancel" => orders::status::cancel [idempotency_key],
    POST "/orders/:order_id/request-return" => orders::status::request_return [idempotency_key],
    POST "/orders/:order_id/feedback" => orders::feedback::submit [idempotency_key],
    GET "/orders/:order_id/feedback" => orders::feedback::get,
    GET "/orders/:order_id/history" => orders::history::get,
    GET "/orders/:order_id/delivery-location" => orders::location::get,
    PUT "/orders/:order_id/delivery-location" => orders::location::report,
    GET "/orders/:order_id/tracking-stream" => orders::tracking::stream,
    POST "/orders/:order_id/tracking-ticket" => orders::tracking::issue_ticket,
    POST "/templates" => templates::create [idempotency_key],
    GET "/templates" => templates::mine,
    GET "/templates/:template_id" => templates::get,
    DELETE "/templates/:template_id" => templates::delete,
    POST "/templates/:template_id/order" => templates::order [idempotency_key],
    GET "/analytics/revenue" => analytics::revenue,
    GET "/analytics/delivery-performance" => analytics::delivery_performance,
    GET "/analytics/top-customers" => analytics::top_customers,
    GET "/analytics/cancellation-rate" => analytics::cancellation_rate,
];
